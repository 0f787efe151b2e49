// Who else measures from a location, as a poller sees it and is seen: the table of pollers, directly or through a server.
import { randomUUID } from "node:crypto";
import { type DatabaseHandle, openDatabase } from "../../platform/db.js";
import type { BucketSet } from "./buckets.js";
import {
  notifyPollers,
  type PollerRow,
  type PollerStats,
  readMembers,
  removePoller,
  renew,
} from "./queries.js";
import type { Member, MemberState } from "./rules.js";
import type { StaticPart } from "./share.js";

/** A call that takes longer is given up, so that one that hangs does not cost the lease. */
const STATEMENT_TIMEOUT_MS = 1_000;

/** What a poller says about itself with every beat. */
export interface Beat {
  readonly state: MemberState;
  /** What it holds; null in static mode. */
  readonly buckets: BucketSet | null;
  readonly replica: StaticPart | null;
  readonly stats: PollerStats;
  /** The others are to look now. */
  readonly isNews: boolean;
}

export interface Roster {
  /** Of the poller; new at each start. */
  readonly id: string;
  /** The other pollers of the location that share its jobs live. */
  others(): Promise<Member[]>;
  /** Renews the lease, making the poller known when it is not. Returns the database's time in milliseconds. */
  renew(beat: Beat): Promise<number>;
  /** Forgets the poller. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

export class PostgresRoster implements Roster {
  readonly id = randomUUID();
  readonly #self: Pick<PollerRow, "locationNo" | "name">;
  /** A pool of its own: the lease must not wait for batches of samples. */
  readonly #database: DatabaseHandle;

  constructor(url: string, self: Pick<PollerRow, "locationNo" | "name">) {
    this.#self = self;
    this.#database = openDatabase(url, {
      poolSize: 1,
      applicationName: "nightbell membership",
      connectTimeoutMs: STATEMENT_TIMEOUT_MS,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    });
  }

  others(): Promise<Member[]> {
    return readMembers(this.#database.db, this.#self.locationNo, this.id);
  }

  async renew({ isNews, ...beat }: Beat): Promise<number> {
    const now = await renew(this.#database.db, { ...this.#self, ...beat, id: this.id, tokenId: null });
    // Committed: the others see it at their next look. Killed before the notification, that is at most a beat later.
    if (isNews) await notifyPollers(this.#database.db, this.#self.locationNo);
    return now ?? Number.NaN;
  }

  leave(): Promise<void> {
    return removePoller(this.#database.db, { id: this.id, tokenId: null });
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
