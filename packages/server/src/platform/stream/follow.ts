// Brings a stream up to date and then lets it follow: no event is left out between the two.
import { sseFrame, type SseClient } from "../sse.js";
import { parseEventId } from "./event-id.js";
import type { EventSequence, HeldTopic, LiveEvent } from "./topic.js";

/** A new stream begins with what came since the page that opens it was read. */
const FRESH_MS = 10_000;

/** A topic and the number of the last of its events that the client has. */
interface Cursor {
  held: HeldTopic;
  seq: number;
}

/**
 * Sends what the client missed since `lastEventId`, from memory when this instance published that event and still
 * keeps all that followed, otherwise from the database. Some of it may be sent twice. Without a known id it begins with
 * the last seconds.
 */
export async function follow(
  sequence: EventSequence,
  client: SseClient,
  topics: readonly HeldTopic[],
  lastEventId: string | undefined,
  now: number,
): Promise<void> {
  const cursors: Cursor[] = [];
  for (const held of topics) {
    cursors.push({ held, seq: await catchUp(sequence, client, held, lastEventId, now) });
  }
  while (client.isOpen) {
    const events = eventsAfter(cursors);
    if (events === null) {
      // It reads more slowly than events come and has to start over from the last it has.
      client.close();
      return;
    }
    if (events.length === 0) {
      for (const { topic } of topics) topic.clients.add(client);
      return;
    }
    for (const { frame } of events) await client.sendAndDrain(frame);
    const seq = events.at(-1)?.seq ?? 0;
    for (const cursor of cursors) cursor.seq = Math.max(cursor.seq, seq);
  }
}

/** Sends what only the database still has; returns the number of the event after which memory has the rest. */
async function catchUp(
  sequence: EventSequence,
  client: SseClient,
  held: HeldTopic,
  lastEventId: string | undefined,
  now: number,
): Promise<number> {
  const position = parseEventId(lastEventId);
  if (position === null) return held.topic.seqBefore(now - FRESH_MS, sequence.last);
  if (position.instance === sequence.instance && held.topic.eventsAfter(position.seq) !== null)
    return position.seq;
  const lastSeq = sequence.last;
  for (const event of await held.missedSince(position.timeMs)) {
    // It carries the id that the client came with: until all of it has arrived, it has to come back to the same place.
    await client.sendAndDrain(sseFrame(lastEventId ?? "", JSON.stringify(event)));
  }
  return lastSeq;
}

/** In the order in which they were published; null when some are no longer kept. */
function eventsAfter(cursors: readonly Cursor[]): LiveEvent[] | null {
  const events: LiveEvent[] = [];
  for (const { held, seq } of cursors) {
    const more = held.topic.eventsAfter(seq);
    if (more === null) return null;
    events.push(...more);
  }
  return events.sort((a, b) => a.seq - b.seq);
}
