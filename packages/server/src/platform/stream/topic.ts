// What one instance keeps of something that somebody watches: who does, and the last events for those who come back.
import { randomBytes } from "node:crypto";
import type { StreamEvent } from "@nightbell/contract";
import { type SseClient, sseFrame } from "../sse.js";
import { formatEventId } from "./event-id.js";

/** Events kept for clients that come back; who was away for longer is served from the database. */
const MAX_EVENTS = 100;
const MAX_EVENT_BYTES = 256 * 1024;

export interface LiveEvent {
  seq: number;
  atMs: number;
  frame: Buffer;
}

/** Numbers the events of one process, whatever their topic. */
export class EventSequence {
  /** Names this process in event ids. */
  readonly instance = randomBytes(5).toString("hex");
  #last = 0;

  /** The number of the newest event. */
  get last(): number {
    return this.#last;
  }

  /** A number that no event has. */
  skip(): number {
    this.#last += 1;
    return this.#last;
  }

  number(event: StreamEvent, timeMs: number): LiveEvent {
    const seq = this.skip();
    const id = formatEventId({ timeMs, instance: this.instance, seq });
    return { seq, atMs: timeMs, frame: sseFrame(id, JSON.stringify(event)) };
  }
}

export class Topic {
  /** Clients that are sent each event as it comes. */
  readonly clients = new Set<SseClient>();
  /** Streams that use this topic, those still catching up included. */
  holders = 0;
  readonly #events: LiveEvent[] = [];
  #eventBytes = 0;
  /** Events up to this one are not kept. */
  #forgottenSeq: number;

  /** `seq`: a number from before its first event. */
  constructor(seq: number) {
    this.#forgottenSeq = seq;
  }

  /** Keeps an event and sends it to the clients. */
  publish(event: LiveEvent): void {
    this.#events.push(event);
    this.#eventBytes += event.frame.length;
    while (this.#events.length > MAX_EVENTS || this.#eventBytes > MAX_EVENT_BYTES) {
      const oldest = this.#events.shift();
      if (oldest === undefined) break;
      this.#eventBytes -= oldest.frame.length;
      this.#forgottenSeq = oldest.seq;
    }
    for (const client of this.clients) client.send(event.frame);
  }

  /** The events after a number; null when not all of them are kept. */
  eventsAfter(seq: number): LiveEvent[] | null {
    return seq < this.#forgottenSeq ? null : this.#events.filter((event) => event.seq > seq);
  }

  /** The number before the first event kept since a time; `lastSeq` when there was none since. */
  seqBefore(timeMs: number, lastSeq: number): number {
    const first = this.#events.find((event) => event.atMs >= timeMs);
    return first === undefined ? lastSeq : first.seq - 1;
  }
}

/** A topic that a stream uses until it releases it. */
export interface HeldTopic {
  readonly topic: Topic;
  /** What a client missed since a time, from the database; it may have some of it already. */
  missedSince(timeMs: number): Promise<StreamEvent[]>;
  release(): void;
}
