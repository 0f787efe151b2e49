// Where a poller reads its jobs: the database, or a server that has one.
import type { Db } from "../../platform/db.js";
import type { Share } from "../pollers/index.js";
import {
  changedJobs,
  currentSnapshot,
  deletedJobs,
  type JobChange,
  jobDigests,
  type JobRevision,
  type JobRow,
  readJobs,
  runningJobs,
} from "./queries.js";

export interface JobChanges {
  /** What to ask for next time: whatever is not seen yet has changed since. */
  readonly snapshot: string;
  readonly changes: readonly JobChange[];
  readonly deleted: readonly number[];
  /** There were changes that this does not tell: compare everything. */
  readonly isIncomplete: boolean;
}

export interface JobDigests {
  /** Of the running jobs, by group. */
  readonly digests: Map<number, number>;
  readonly pending: readonly number[];
}

export interface JobSource {
  /** Longest time between two looks for changes, when no news comes through. */
  readonly lookIntervalMs: number;
  /** Changes since a snapshot; null for the first one, which is all that is told then. */
  changes(share: Share, since: string | null): Promise<JobChanges>;
  digests(share: Share): Promise<JobDigests>;
  /** Running jobs of some groups. */
  running(share: Share, groups: readonly number[]): Promise<JobRevision[]>;
  /** Running jobs with those of their grids that reach beyond `since`. */
  read(share: Share, jobNos: readonly number[], since: number): Promise<JobRow[]>;
  /** Moves jobs from pending to running and opens their grids. */
  start(share: Share, jobNos: readonly number[], now: number): Promise<unknown>;
}

const LOOK_INTERVAL_MS = 500;

export class PostgresJobs implements JobSource {
  readonly lookIntervalMs = LOOK_INTERVAL_MS;
  readonly #db: Db;
  readonly #startPending: (jobNos: readonly number[], now: number) => Promise<unknown>;

  constructor(db: Db, startPending: (jobNos: readonly number[], now: number) => Promise<unknown>) {
    this.#db = db;
    this.#startPending = startPending;
  }

  async changes(share: Share, since: string | null): Promise<JobChanges> {
    // Taken before the rows are read: what a transaction changes that the read does not see yet is not in it.
    const snapshot = await currentSnapshot(this.#db);
    if (since === null) return { snapshot, changes: [], deleted: [], isIncomplete: false };
    const changes = await changedJobs(this.#db, share, since);
    return { snapshot, changes, deleted: await deletedJobs(this.#db, share, since), isIncomplete: false };
  }

  digests(share: Share): Promise<JobDigests> {
    return jobDigests(this.#db, share);
  }

  running(share: Share, groups: readonly number[]): Promise<JobRevision[]> {
    return runningJobs(this.#db, share, groups);
  }

  read(share: Share, jobNos: readonly number[], since: number): Promise<JobRow[]> {
    return readJobs(this.#db, share, jobNos, since);
  }

  start(_share: Share, jobNos: readonly number[], now: number): Promise<unknown> {
    return this.#startPending(jobNos, now);
  }
}
