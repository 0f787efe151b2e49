// Pushes samples and changes of jobs to live streams: one look at the database for all watched jobs, however many watch.
import type { Job, Role, StreamEvent } from "@nightbell/contract";
import type { Bus } from "../../platform/bus.js";
import type { Clock } from "../../platform/clock.js";
import type { DatabaseHandle } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { includesRole } from "../../platform/http/access.js";
import type { Logger } from "../../platform/log.js";
import type { EventSequence, HeldTopic } from "../../platform/stream/topic.js";
import { Trouble } from "../../platform/trouble.js";
import { EDITOR, JOBS_CHANNEL, jobToApi, selectJobs } from "../jobs/index.js";
import { JobTopic, type TopicReader } from "./job-topic.js";
import { parseRange, SAMPLES_CHANNEL, type SlotRange } from "./notifier.js";
import { toSample } from "./page.js";
import { readSamples } from "./history.js";
import { groupByLabel, jobRevisions, type LabelledSpan } from "./queries.js";
import { findSampledJobs } from "./sampled-job.js";
import type { Span } from "./slots.js";

/** At most four looks a second; one a second when nothing wakes us. */
const MIN_INTERVAL_MS = 250;
const MAX_INTERVAL_MS = 1_000;
/** Pauses are at least so many times as long as the look before, so that no number of topics swamps the database. */
const PAUSE_FACTOR = 3;
/** A look that hung, or failed after its time limit, says nothing about how long the next will take. */
const LONGEST_PAUSE_MS = 2_000;
/** Samples of one event, about 30 kB. */
const SAMPLES_PER_EVENT = 100;
/** How far back to look when notifications may have been missed. */
const MISSED_NOTES_MS = 600_000;

/**
 * The watched jobs of one instance. A notification wakes it, or a second passes; then it looks up the slots of all
 * topics whose samples may have come since, and sends what was not sent before. Without topics it does nothing.
 */
export class LiveSamples {
  readonly #sequence: EventSequence;
  readonly #database: DatabaseHandle;
  readonly #clock: Clock;
  readonly #trouble: Trouble;
  /** By `keyOf`. */
  readonly #topics = new Map<string, JobTopic>();
  /** Slots stored since the last look, as notified. */
  #noted: SlotRange | null = null;
  #jobsChanged = false;
  #lookedAt = -Infinity;
  #lookedForMs = 0;
  #lookedAtJobsAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #closed = false;

  constructor(options: {
    database: DatabaseHandle;
    clock: Clock;
    log: Logger;
    bus: Bus;
    sequence: EventSequence;
  }) {
    this.#sequence = options.sequence;
    this.#database = options.database;
    this.#clock = options.clock;
    this.#trouble = new Trouble(options.log, {
      began: "live streams stand still until the database answers",
      over: "live streams go on",
    });
    options.bus.subscribe(SAMPLES_CHANNEL, (payload) => this.#note(payload));
    options.bus.subscribe(JOBS_CHANNEL, () => {
      this.#jobsChanged = true;
      this.#wake();
    });
  }

  /**
   * The topics of jobs of the account's organisation, as its role may see them, which stay until they are released. A new
   * one already holds the samples of the last seconds as events. Throws `not_found` when one of the jobs is not the organisation's.
   */
  async hold(account: TopicReader, jobIds: readonly string[]): Promise<HeldTopic[]> {
    const reader: TopicReader = { ...account, role: includesRole(account.role, EDITOR) ? EDITOR : "viewer" };
    const held: JobTopic[] = [];
    const hold = (topic: JobTopic) => {
      topic.holders += 1;
      held.push(topic);
    };
    const missing: string[] = [];
    for (const id of jobIds) {
      const topic = this.#topics.get(keyOf(reader.role, id));
      if (topic?.organisationId === reader.organisationId) hold(topic);
      else missing.push(id);
    }
    try {
      if (missing.length > 0) (await this.#createTopics(reader, missing)).forEach(hold);
    } catch (error) {
      for (const topic of held) this.#release(topic);
      throw error;
    }
    this.#wake();
    return held.map((topic) => ({
      topic,
      missedSince: (timeMs) => this.#missedSince(topic, timeMs),
      release: () => this.#release(topic),
    }));
  }

  #release(topic: JobTopic): void {
    topic.holders -= 1;
    if (topic.holders === 0) this.#forget(topic);
  }

  /** The job as it is now, and the samples that may have been stored since: the newest of them when there are many. */
  async #missedSince(topic: JobTopic, timeMs: number): Promise<StreamEvent[]> {
    const jobId = topic.job.id;
    const job = await this.#currentJob(topic);
    const spans = topic.spansSince(timeMs, this.#clock.now());
    const samples = (await readSamples(this.#database, label([spans], [topic]))).map(toSample);
    const events: StreamEvent[] = [{ type: "job", jobId, job }];
    for (let from = 0; from < samples.length; from += SAMPLES_PER_EVENT) {
      events.push({ type: "samples", jobId, samples: samples.slice(from, from + SAMPLES_PER_EVENT) });
    }
    return events;
  }

  /** Null when it is gone. */
  async #currentJob(topic: JobTopic): Promise<Job | null> {
    const [row] = await selectJobs(this.#database.db, topic.organisationId, [topic.job.id]);
    return row === undefined ? null : jobToApi(row, topic.role);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #createTopics(reader: TopicReader, ids: readonly string[]): Promise<JobTopic[]> {
    const { pool } = this.#database;
    // Read first: a change in between shows as another revision at the next look.
    const revisions = await jobRevisions(pool, ids);
    const jobs = await findSampledJobs(this.#database, reader.organisationId, ids);
    const isFound = new Set(jobs.map((job) => job.id));
    const missing = ids.find((id) => !isFound.has(id));
    if (missing !== undefined) {
      throw new NightbellError("not_found", `There is no job ${missing} in your organisation.`);
    }
    // A number of its own for the beginning: no id given out before can mean "nothing missed" to a new topic.
    const seq = this.#sequence.skip();
    const topics = jobs.map((job) => new JobTopic(reader, job, revisions.get(job.id) ?? "", seq));
    await this.#publishSamples(topics, null);
    return topics.map((topic) => {
      // Somebody else may have been faster.
      const key = keyOf(topic.role, topic.job.id);
      const known = this.#topics.get(key) ?? topic;
      this.#topics.set(key, known);
      return known;
    });
  }

  #note(payload: string | null): void {
    const now = this.#clock.now();
    const range = payload === null ? { from: now - MISSED_NOTES_MS, to: now } : parseRange(payload);
    this.#noted = unite(this.#noted, range);
    this.#wake();
  }

  /** Looks as soon as the last look is long enough ago. */
  #wake(waitMs = MIN_INTERVAL_MS): void {
    if (this.#closed || this.#isLooking || this.#topics.size === 0) return;
    const pauseMs = Math.min(this.#lookedForMs * PAUSE_FACTOR, LONGEST_PAUSE_MS);
    const dueAt = this.#lookedAt + Math.max(waitMs, this.#lookedForMs + pauseMs);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), Math.max(dueAt - this.#clock.monotonic(), 0));
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    this.#lookedAt = this.#clock.monotonic();
    const [noted, jobsChanged] = [this.#noted, this.#jobsChanged];
    this.#noted = null;
    this.#jobsChanged = false;
    try {
      if (jobsChanged || this.#lookedAt >= this.#lookedAtJobsAt + MAX_INTERVAL_MS) await this.#publishJobs();
      await this.#publishSamples([...this.#topics.values()], noted);
      this.#trouble.worked();
    } catch (error) {
      this.#trouble.failed(error);
      this.#noted = unite(this.#noted, noted);
    } finally {
      this.#isLooking = false;
      this.#lookedForMs = this.#clock.monotonic() - this.#lookedAt;
      this.#wake(this.#noted !== null || this.#jobsChanged ? MIN_INTERVAL_MS : MAX_INTERVAL_MS);
    }
  }

  async #publishJobs(): Promise<void> {
    const now = this.#clock.now();
    const topics = [...this.#topics.values()];
    const revisions = await jobRevisions(
      this.#database.pool,
      topics.map((topic) => topic.job.id),
    );
    for (const topic of topics) {
      const revision = revisions.get(topic.job.id);
      if (revision === topic.revision) continue;
      await this.#publishJob(topic, revision, now);
    }
    this.#lookedAtJobsAt = this.#lookedAt;
  }

  async #publishJob(topic: JobTopic, revision: string | undefined, now: number): Promise<void> {
    const [job] = await findSampledJobs(this.#database, topic.organisationId, [topic.job.id]);
    if (job === undefined) this.#forget(topic);
    else topic.job = job;
    topic.revision = revision ?? "";
    this.#publish(topic, { type: "job", jobId: topic.job.id, job: await this.#currentJob(topic) }, now);
  }

  /** One query for all topics. */
  async #publishSamples(topics: readonly JobTopic[], noted: SlotRange | null): Promise<void> {
    const now = this.#clock.now();
    const spans = topics.map((topic) => topic.outstanding(now, noted));
    const rows = groupByLabel(await readSamples(this.#database, label(spans, topics)));
    for (const [index, topic] of topics.entries()) {
      const samples = topic.takeUnseen(rows.get(index) ?? []).map(toSample);
      if (samples.length > 0) this.#publish(topic, { type: "samples", jobId: topic.job.id, samples }, now);
    }
  }

  #publish(topic: JobTopic, event: StreamEvent, timeMs: number): void {
    topic.publish(this.#sequence.number(event, timeMs));
  }

  #forget(topic: JobTopic): void {
    const key = keyOf(topic.role, topic.job.id);
    if (this.#topics.get(key) === topic) this.#topics.delete(key);
  }
}

/** Who may not edit a job reads less of it: a topic of its own, so that one frame still serves all who watch. */
function keyOf(role: Role, jobId: string): string {
  return `${role}:${jobId}`;
}

function label(spansOf: readonly (readonly Span[])[], topics: readonly JobTopic[]): LabelledSpan[] {
  return topics.flatMap((topic, index) =>
    (spansOf[index] ?? []).map((span) => ({ ...span, label: index, jobNo: topic.job.jobNo })),
  );
}

function unite(a: SlotRange | null, b: SlotRange | null): SlotRange | null {
  if (a === null || b === null) return a ?? b;
  return { from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) };
}
