// Pushes what happens to alerts to live streams: one look at the database for all organisations that somebody watches.
import type { StreamEvent } from "@nightbell/contract";
import { sql } from "kysely";
import type { Bus } from "../../platform/bus.js";
import type { Clock } from "../../platform/clock.js";
import type { Db, DatabaseHandle } from "../../platform/db.js";
import type { Logger } from "../../platform/log.js";
import { type EventSequence, type HeldTopic, Topic } from "../../platform/stream/topic.js";
import { Trouble } from "../../platform/trouble.js";
import { type AlertRow, toAlert, toEvent } from "./alerts.js";

/** Where a trigger notifies whenever a timeline grows; a wake-up only, without a payload. */
const ALERTS_CHANNEL = "nightbell_alerts";

/** At most four looks a second; one a second when nothing wakes us. */
const MIN_INTERVAL_MS = 250;
const MAX_INTERVAL_MS = 1_000;
/** An event is dated when it is decided and seen when that commits: no statement takes longer. */
const COMMIT_DELAY_MS = 60_000;
/** A new topic begins with what came since the page that opens it was read. */
const FRESH_MS = 10_000;
/** Events of one look or one resumption, the newest: who sees so many reads the list anew. */
const MAX_EVENTS = 500;

/** The alerts of one organisation, and those about this installation. */
class AlertTopic extends Topic {
  readonly organisationId: string;
  /** Events from before this are none of its own. */
  readonly fromMs: number;
  /** The ids of events that were sent, with their times. */
  readonly #sent = new Map<number, number>();

  constructor(organisationId: string, fromMs: number, seq: number) {
    super(seq);
    this.organisationId = organisationId;
    this.fromMs = fromMs;
  }

  /** True the first time. */
  take(id: number, atMs: number): boolean {
    if (atMs < this.fromMs || this.#sent.has(id)) return false;
    this.#sent.set(id, atMs);
    return true;
  }

  forgetBefore(timeMs: number): void {
    for (const [id, atMs] of this.#sent) if (atMs < timeMs) this.#sent.delete(id);
  }
}

export class LiveAlerts {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #trouble: Trouble;
  readonly #sequence: EventSequence;
  readonly #topics = new Map<string, AlertTopic>();
  #lookedAt = -Infinity;
  #isLooking = false;
  #isNoted = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: {
    database: DatabaseHandle;
    clock: Clock;
    log: Logger;
    bus: Bus;
    sequence: EventSequence;
  }) {
    this.#db = options.database.db;
    this.#clock = options.clock;
    this.#trouble = new Trouble(options.log, {
      began: "live streams of alerts stand still until the database answers",
      over: "live streams of alerts go on",
    });
    this.#sequence = options.sequence;
    options.bus.subscribe(ALERTS_CHANNEL, () => {
      this.#isNoted = true;
      this.#wake(MIN_INTERVAL_MS);
    });
  }

  /** The topic of an organisation's alerts, which stays until it is released. */
  hold(organisationId: string): HeldTopic {
    const fromMs = this.#clock.now() - FRESH_MS;
    const topic =
      this.#topics.get(organisationId) ?? new AlertTopic(organisationId, fromMs, this.#sequence.skip());
    this.#topics.set(organisationId, topic);
    topic.holders += 1;
    this.#wake(MIN_INTERVAL_MS);
    return {
      topic,
      missedSince: async (timeMs) => {
        const rows = await newestEvents(this.#db, [organisationId], timeMs - COMMIT_DELAY_MS);
        return rows.map(toStreamEvent);
      },
      release: () => {
        topic.holders -= 1;
        if (topic.holders === 0) this.#topics.delete(organisationId);
      },
    };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #wake(waitMs: number): void {
    if (this.#closed || this.#isLooking || this.#topics.size === 0) return;
    clearTimeout(this.#timer);
    const dueAt = this.#lookedAt + waitMs;
    this.#timer = setTimeout(() => void this.#look(), Math.max(dueAt - this.#clock.monotonic(), 0));
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    this.#isNoted = false;
    try {
      await this.#publish();
      this.#trouble.worked();
    } catch (error) {
      this.#trouble.failed(error);
    } finally {
      this.#isLooking = false;
      this.#lookedAt = this.#clock.monotonic();
      this.#wake(this.#isNoted ? MIN_INTERVAL_MS : MAX_INTERVAL_MS);
    }
  }

  async #publish(): Promise<void> {
    const now = this.#clock.now();
    const since = now - COMMIT_DELAY_MS;
    const topics = [...this.#topics.values()];
    const rows = await newestEvents(
      this.#db,
      topics.map(({ organisationId }) => organisationId),
      since,
    );
    for (const row of rows) {
      const ofRow = topics.filter(
        ({ organisationId }) => row.organisation_id === null || row.organisation_id === organisationId,
      );
      const unsent = ofRow.filter((topic) => topic.take(row.event_id, row.at.getTime()));
      if (unsent.length === 0) continue;
      const event = this.#sequence.number(toStreamEvent(row), now);
      for (const topic of unsent) topic.publish(event);
    }
    // One look more than the events are read for.
    for (const topic of topics) topic.forgetBefore(since - COMMIT_DELAY_MS);
  }
}

type EventRow = AlertRow & { event_id: number; at: Date; event_kind: string; text: string };

/** Oldest first. By alert_events_by_time. */
async function newestEvents(
  db: Db,
  organisationIds: readonly string[],
  sinceMs: number,
): Promise<EventRow[]> {
  const { rows } = await sql<EventRow>`
    select alerts.*, event.id as event_id, event.at, event.kind as event_kind, event.text
    from alert_events as event join alerts on alerts.id = event.alert_id
    where event.at >= ${new Date(sinceMs)}
      and (organisation_id is null or organisation_id = any(${organisationIds}::uuid[]))
    order by event.id desc limit ${MAX_EVENTS}`.execute(db);
  return rows.toReversed();
}

function toStreamEvent(row: EventRow): StreamEvent {
  const event = toEvent({ id: row.event_id, at: row.at, kind: row.event_kind, text: row.text });
  return { type: "alert", alert: toAlert(row), event };
}
