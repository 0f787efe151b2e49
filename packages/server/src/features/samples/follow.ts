// Brings a stream up to date and then lets it follow: no event is left out between the two.
import type { Sample, StreamEvent } from "@nightbell/contract";
import { sseFrame, type SseClient } from "../../platform/sse.js";
import { parseEventId } from "./event-id.js";
import type { JobTopic, LiveEvent } from "./job-topic.js";
import type { LiveSamples } from "./live.js";

/** A new stream begins with what came since the page that opens it was read. */
const FRESH_MS = 10_000;
/** Samples of one event, about 30 kB. */
const SAMPLES_PER_EVENT = 100;

/** A topic and the number of the last of its events that the client has. */
interface Cursor {
  topic: JobTopic;
  seq: number;
}

/**
 * Sends what the client missed since `lastEventId`, from memory when this instance published that event and still
 * keeps all that followed, otherwise from the database. Samples may be sent twice. Without a known id it begins with
 * the last seconds.
 */
export async function follow(
  live: LiveSamples,
  client: SseClient,
  topics: readonly JobTopic[],
  lastEventId: string | undefined,
  now: number,
): Promise<void> {
  const cursors: Cursor[] = [];
  for (const topic of topics) {
    cursors.push({ topic, seq: await catchUp(live, client, topic, lastEventId, now) });
  }
  while (client.isOpen) {
    const events = eventsAfter(cursors);
    if (events === null) {
      // It reads more slowly than events come and has to start over from the last it has.
      client.close();
      return;
    }
    if (events.length === 0) {
      for (const topic of topics) topic.clients.add(client);
      return;
    }
    for (const { frame } of events) await client.sendAndDrain(frame);
    const seq = events.at(-1)?.seq ?? 0;
    for (const cursor of cursors) cursor.seq = Math.max(cursor.seq, seq);
  }
}

/** Sends what only the database still has; returns the number of the event after which memory has the rest. */
async function catchUp(
  live: LiveSamples,
  client: SseClient,
  topic: JobTopic,
  lastEventId: string | undefined,
  now: number,
): Promise<number> {
  const position = parseEventId(lastEventId);
  if (position === null) return topic.seqBefore(now - FRESH_MS, live.lastSeq);
  if (position.instance === live.instance && topic.eventsAfter(position.seq) !== null) return position.seq;
  const { lastSeq } = live;
  // They carry the id that the client came with: until all of it has arrived, it has to come back to the same place.
  const send = (event: StreamEvent) =>
    client.sendAndDrain(sseFrame(lastEventId ?? "", JSON.stringify(event)));
  await send({ type: "job", jobId: topic.job.id, job: await live.currentJob(topic) });
  for (const samples of chunks(await live.samplesSince(topic, position.timeMs))) {
    await send({ type: "samples", jobId: topic.job.id, samples });
  }
  return lastSeq;
}

/** In the order in which they were published; null when some are no longer kept. */
function eventsAfter(cursors: readonly Cursor[]): LiveEvent[] | null {
  const events: LiveEvent[] = [];
  for (const { topic, seq } of cursors) {
    const more = topic.eventsAfter(seq);
    if (more === null) return null;
    events.push(...more);
  }
  return events.sort((a, b) => a.seq - b.seq);
}

function chunks(samples: readonly Sample[]): Sample[][] {
  return Array.from({ length: Math.ceil(samples.length / SAMPLES_PER_EVENT) }, (_, index) =>
    samples.slice(index * SAMPLES_PER_EVENT, (index + 1) * SAMPLES_PER_EVENT),
  );
}
