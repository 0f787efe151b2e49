// Which jobs this poller measures, kept in step with their source: changes within a second, whatever was missed
// at the next full comparison. While the source is away the jobs stay as they are and are measured on.
import { optionsByType, JobType, Simulation, type JobOptions } from "@nightbell/contract";
import type { Clock } from "../../platform/clock.js";
import type { Logger } from "../../platform/log.js";
import { Rounds } from "../../platform/rounds.js";
import type { Share, Shares } from "../pollers/index.js";
import type { JobChanges, JobSource } from "./job-source.js";
import type { JobDefinition } from "./measured-job.js";
import { digestOf, groupOf, type JobRevision, type JobRow } from "./queries.js";
import { MAX_BEHIND_MS } from "./slots.js";

/** Shortest time between two looks, when notifications rain. */
const LOOK_PAUSE_MS = 50;
/** Jobs read at once: a few milliseconds of parsing, so that no probe waits behind it. */
const READ_BATCH = 500;
/** Of the time, what full comparisons may take: with 250,000 jobs they come less often than asked for, up to a minute. */
const COMPARE_SHARE = 0.02;
const LONGEST_COMPARE_INTERVAL_MS = 60_000;
/** Batches under way: while one is taken in, the database makes the next. */
const READS_AT_ONCE = 2;
/** How long one look goes on starting jobs that wait: of a hundred thousand new ones, the rest comes after the next look. */
const START_MS = 250;
/** Distinct options kept for sharing; most jobs have the defaults of their type. */
const MAX_SHARED_OPTIONS = 10_000;

/** Who measures the jobs. */
export interface JobHolder {
  /** The revision of a job it has; undefined when it has not. */
  revisionOf(jobNo: number): number | undefined;
  held(): Iterable<JobRevision>;
  put(job: JobDefinition): void;
  remove(jobNo: number, reason: "deleted" | "stopped"): void;
}

export interface AssignmentsOptions {
  source: JobSource;
  shares: Shares;
  holder: JobHolder;
  /** POLL_INTERVAL_MS: time between full comparisons. */
  compareIntervalMs: number;
  clock: Clock;
  log: Logger;
}

export class Assignments {
  readonly #options: AssignmentsOptions;
  readonly #sharedOptions = new Map<string, JobOptions>();
  readonly #rounds: Rounds;
  /** What it showed has been seen; null before the first look. */
  #snapshot: string | null = null;
  /** Jobs of the share that wait for their start, in the order in which they came. */
  #pending = new Set<number>();
  /** When everything was compared, and as whose; and how long it rests at least. */
  #comparedAt = -Infinity;
  #restMs = 0;
  #comparedShare: Share | null = null;
  #failures = 0;
  #loop: Promise<void> | null = null;

  constructor(options: AssignmentsOptions) {
    this.#options = options;
    this.#rounds = new Rounds({ pauseMs: LOOK_PAUSE_MS, intervalMs: options.source.lookIntervalMs });
  }

  /** Resolves when the jobs have been read for the first time. Throws when they cannot be. */
  async start(): Promise<void> {
    await this.#update();
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#rounds.stop();
    await this.#loop;
  }

  /** Something may have changed: look now rather than at the next interval. */
  wake(): void {
    this.#rounds.wake();
  }

  async #run(): Promise<void> {
    while (await this.#rounds.next()) {
      try {
        await this.#update();
        if (this.#failures > 0) this.#options.log.info("jobs can be read again");
        this.#failures = 0;
      } catch (error) {
        if (this.#failures === 0)
          this.#options.log.warn({ err: error }, "jobs cannot be read; they are measured on as they are");
        this.#failures += 1;
      }
    }
  }

  async #update(): Promise<void> {
    const { clock, compareIntervalMs, shares, source } = this.#options;
    const share = shares.current();
    const changes = await source.changes(share, this.#snapshot);
    await this.#takeChanges(share, changes);
    const compareAfterMs = changes.isIncomplete ? 0 : Math.max(compareIntervalMs, this.#restMs);
    const isDue = clock.monotonic() - this.#comparedAt >= compareAfterMs;
    if (isDue || share !== this.#comparedShare) {
      await this.#compareAll(share);
      this.#comparedAt = clock.monotonic();
      this.#comparedShare = share;
    }
    this.#snapshot = changes.snapshot;
    shares.taken(share);
    await this.#startPending(share);
  }

  async #takeChanges(share: Share, { changes, deleted }: JobChanges): Promise<void> {
    const { holder } = this.#options;
    for (const { jobNo, duty } of changes) {
      if (duty === "start") this.#pending.add(jobNo);
      else this.#pending.delete(jobNo);
      if (duty !== "measure") holder.remove(jobNo, "stopped");
    }
    for (const jobNo of deleted) {
      this.#pending.delete(jobNo);
      holder.remove(jobNo, "deleted");
    }
    await this.#read(
      share,
      changes.filter(({ duty }) => duty === "measure"),
    );
  }

  async #compareAll(share: Share): Promise<void> {
    const { source, holder, clock } = this.#options;
    const startedAt = clock.monotonic();
    const { digests, pending } = await source.digests(share);
    for (const job of holder.held()) {
      const group = groupOf(job.jobNo);
      digests.set(group, (digests.get(group) ?? 0) - digestOf(job));
    }
    this.#restMs = Math.min((clock.monotonic() - startedAt) / COMPARE_SHARE, LONGEST_COMPARE_INTERVAL_MS);
    const different = [...digests].filter(([, digest]) => digest !== 0).map(([group]) => group);
    if (different.length > 0) await this.#compareGroups(share, different);
    this.#pending = new Set(pending);
  }

  async #compareGroups(share: Share, groups: number[]): Promise<void> {
    const { source, holder } = this.#options;
    const running = await source.running(share, groups);
    const numbers = new Set(running.map(({ jobNo }) => jobNo));
    const inGroups = new Set(groups);
    const surplus = [...holder.held()].filter(
      ({ jobNo }) => inGroups.has(groupOf(jobNo)) && !numbers.has(jobNo),
    );
    for (const { jobNo } of surplus) holder.remove(jobNo, "stopped");
    await this.#read(share, running);
  }

  /** Puts those that the holder does not have in this revision. */
  async #read(share: Share, jobs: readonly JobRevision[]): Promise<void> {
    const { holder } = this.#options;
    const stale = jobs.filter(({ jobNo, revision }) => holder.revisionOf(jobNo) !== revision);
    const rest = batches(stale.map(({ jobNo }) => jobNo)).values();
    const readOn = async () => {
      for (const batch of rest) await this.#put(share, batch);
    };
    await Promise.all(Array.from({ length: READS_AT_ONCE }, readOn));
  }

  /** Starts those that wait, for a while: changes of the others must not wait for all of them. */
  async #startPending(share: Share): Promise<void> {
    const { source, clock } = this.#options;
    const startedAt = clock.monotonic();
    for (const batch of batches([...this.#pending])) {
      if (clock.monotonic() - startedAt > START_MS) break;
      await source.start(share, batch, clock.now());
      await this.#put(share, batch);
      for (const jobNo of batch) this.#pending.delete(jobNo);
    }
    if (this.#pending.size > 0) this.#rounds.wake();
  }

  async #put(share: Share, jobNos: number[]): Promise<void> {
    const { source, holder, clock } = this.#options;
    for (const row of await source.read(share, jobNos, clock.now() - MAX_BEHIND_MS)) {
      const definition = this.#define(row);
      if (definition !== null) holder.put(definition);
    }
  }

  #define({ grids, options, simulation, ...row }: JobRow): JobDefinition | null {
    const { endsAt } = row;
    try {
      const type = JobType.parse(row.type);
      return {
        ...row,
        type,
        options: this.#shareOptions(type, options),
        simulation: simulation === null ? null : Simulation.parse(JSON.parse(simulation)),
        grids:
          endsAt === null
            ? grids
            : grids.map((grid) => ({ ...grid, toSlot: Math.min(grid.toSlot ?? endsAt, endsAt) })),
      };
    } catch (error) {
      this.#options.log.error(
        { err: error, jobId: row.id },
        "a job cannot be measured: its row is not valid",
      );
      return null;
    }
  }

  #shareOptions(type: JobType, text: string): JobOptions {
    const key = `${type} ${text}`;
    let options = this.#sharedOptions.get(key);
    if (options === undefined) {
      if (this.#sharedOptions.size >= MAX_SHARED_OPTIONS) this.#sharedOptions.clear();
      options = optionsByType[type].parse(JSON.parse(text));
      this.#sharedOptions.set(key, options);
    }
    return options;
  }
}

function batches(jobNos: readonly number[]): number[][] {
  return Array.from({ length: Math.ceil(jobNos.length / READ_BATCH) }, (_, index) =>
    jobNos.slice(index * READ_BATCH, (index + 1) * READ_BATCH),
  );
}
