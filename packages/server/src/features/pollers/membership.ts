// A poller among the pollers of its location (M8): its lease, whom else it counts on, and so which jobs are its own.
//
// - joining: it counts itself in and loads its share, while the others still measure all of it.
// - active: from when it holds its share. The others see it and let go of what is its.
// - leaving: the others count on it no more and load what was its; it measures until they hold all of that.
// One that is offline, by its reference targets, lets go of its share as long as another one is online (M16).
// One whose lease runs out is counted no more: its jobs are measured by the others within 5 s of its death. Whenever two
// measure the same job for a moment, each slot is still stored once, since samples are unique.
//
// Without the database everybody goes on with what they hold (M9). Nothing here ever stops a probe.
import { setTimeout as delay } from "node:timers/promises";
import type { Registry } from "prom-client";
import type { Clock } from "../../platform/clock.js";
import type { Logger } from "../../platform/log.js";
import { Rounds } from "../../platform/rounds.js";
import { Trouble } from "../../platform/trouble.js";
import { version } from "../../platform/version.js";
import { type BucketSet, emptyBuckets, isCovered } from "./buckets.js";
import { membershipMetrics } from "./membership-metrics.js";
import type { PollerStats } from "./queries.js";
import { ownedBuckets } from "./rendezvous.js";
import type { Roster } from "./roster.js";
import {
  BEAT_MS,
  Contact,
  countMembers,
  type Member,
  heirsAmong,
  type MemberState,
  nextState,
} from "./rules.js";
import type { Place, Share, Shares, StaticPart } from "./share.js";

/** Between two beats when notifications rain. */
const BEAT_PAUSE_MS = 20;
/** Slots are wall-clock times: a clock that is further off measures at the wrong time. */
const CLOCK_TOLERANCE_MS = 500;

/** What the poller knows about its work. */
export type Load = Pick<PollerStats, "jobCount" | "samplesPerSecond" | "latenessP99Ms" | "references">;

export interface MembershipOptions {
  roster: Roster;
  place: Place;
  /** Set in static mode: the poller is seen by people, and its share never changes. */
  replica: StaticPart | null;
  load: () => Load;
  /** Called when other jobs are to be measured than before. */
  shareChanged?: () => void;
  clock: Clock;
  log: Logger;
  registry: Registry;
}

export class Membership implements Shares {
  readonly #options: MembershipOptions;
  readonly #trouble: Trouble;
  readonly #metrics: ReturnType<typeof membershipMetrics>;
  readonly #rounds = new Rounds({ pauseMs: BEAT_PAUSE_MS, intervalMs: BEAT_MS });
  readonly #contact = new Contact();
  #state: MemberState = "joining";
  #members: readonly string[] = [];
  #share: Share;
  #held: Share | null = null;
  #clockOffsetMs: number | null = null;
  #isClockOff = false;
  /** What the others were last told. */
  #announced: { state: MemberState; held: Share | null } | null = null;
  #leavingSince = Infinity;
  #endHandOver: () => void = () => undefined;
  #failures = 0;
  #loop: Promise<void> | null = null;

  /** Resolves when the poller is known as joining and its share is decided. Throws when the others cannot be seen. */
  static async join(options: MembershipOptions): Promise<Membership> {
    const membership = new Membership(options);
    try {
      await membership.#beat();
    } catch (error) {
      await options.roster.close();
      throw error;
    }
    membership.#loop = membership.#run();
    return membership;
  }

  private constructor(options: MembershipOptions) {
    this.#options = options;
    this.#trouble = new Trouble(options.log, {
      began: "the other pollers cannot be seen; this one measures on what it has",
      over: "the other pollers can be seen again",
    });
    const part = options.replica ?? { mode: "live" as const, buckets: emptyBuckets() };
    this.#share = { ...options.place, part };
    this.#metrics = membershipMetrics(options.registry, () => this.#members.length);
  }

  get id(): string {
    return this.#options.roster.id;
  }

  current(): Share {
    return this.#share;
  }

  taken(share: Share): void {
    if (share === this.#held) return;
    this.#held = share;
    this.wake();
  }

  /** The others may have changed: look now. */
  wake(): void {
    this.#rounds.wake();
  }

  /**
   * Tells the others to take over. Resolves when they have, when there is nobody to, or at the deadline; the poller has
   * to go on measuring until then.
   */
  async handOver(deadlineMs: number): Promise<void> {
    this.#state = "leaving";
    const abort = new AbortController();
    const over = new Promise<void>((resolve) => {
      this.#endHandOver = resolve;
    });
    this.wake();
    await Promise.race([over, delay(deadlineMs, undefined, { signal: abort.signal }).catch(() => undefined)]);
    abort.abort();
  }

  /** The poller measures no more. Killed before, or without the database, it is forgotten when its lease has run out. */
  async leave(): Promise<void> {
    this.#rounds.stop();
    await this.#loop;
    if (this.#failures === 0) {
      await this.#options.roster.leave().catch((error: unknown) => {
        this.#options.log.warn({ err: error }, "the other pollers could not be told that this one has left");
      });
    }
    await this.#options.roster.close();
  }

  async #run(): Promise<void> {
    while (await this.#rounds.next()) {
      const isLeaving = this.#state === "leaving";
      try {
        await this.#beat();
        this.#trouble.worked();
        this.#failures = 0;
      } catch (error) {
        this.#trouble.failed(error);
        this.#failures += 1;
        // There is no telling anybody. One statement that fails is none: the others may be about to take over. Nor is one
        // that began before: the database may be back by now.
        if (isLeaving && this.#contact.isLost(this.#options.clock.monotonic())) this.#endHandOver();
      }
    }
  }

  /** Looks at the others, decides, and renews the lease. */
  async #beat(): Promise<void> {
    const { roster, replica, clock } = this.#options;
    const others = replica === null ? await roster.others() : [];
    const stats = this.#stats();
    const hadLapsed = this.#contact.isLost(clock.monotonic());
    const isOffline = typeof stats.references?.offlineSince === "number";
    if (replica === null && this.#state !== "leaving") this.#count(others, isOffline);
    if (hadLapsed) this.#held = null; // Until a look at the jobs has succeeded again.
    this.#state = nextState(this.#state, {
      hadLapsed,
      isReplaced: replica === null && !this.#members.includes(this.id),
      holdsShare: this.#held === this.#share,
    });

    const [state, held] = [this.#state, this.#held];
    const sentAt = clock.now();
    const databaseNow = await roster.renew({
      state,
      buckets: replica === null ? bucketsOf(held) : null,
      replica,
      stats,
      isNews: state !== this.#announced?.state || held !== this.#announced.held,
    });
    this.#noteClock(databaseNow - (sentAt + clock.now()) / 2);
    this.#contact.note(clock.monotonic());
    this.#announced = { state, held };
    if (state === "leaving") this.#judgeLeaving(others);
  }

  /** Decides who is counted on, and what is owned in consequence. */
  #count(others: readonly Member[], isOffline: boolean): void {
    const { clock, place, shareChanged } = this.#options;
    const trusted = this.#contact.isSettled(clock.monotonic()) ? [] : this.#members;
    const members = countMembers({ id: this.id, isOffline }, others, new Set(trusted));
    if (members.join() === this.#members.join()) return;
    this.#reportChange(members, others);
    this.#members = members;
    this.#share = { ...place, part: { mode: "live", buckets: ownedBuckets(this.id, members) } };
    shareChanged?.();
  }

  #reportChange(members: readonly string[], others: readonly Member[]): void {
    const { log } = this.#options;
    for (const id of this.#members.filter((member) => !members.includes(member))) {
      if (id === this.id) {
        log.warn("this poller is offline; others take its jobs over");
        continue;
      }
      const other = others.find((each) => each.id === id);
      if (other?.isOffline === true) {
        log.warn({ poller: id }, "a poller is offline; the others take its jobs over");
        continue;
      }
      const state = other?.state;
      const hasDied = state === "active" || state === "dead";
      if (hasDied) this.#metrics.takeovers.inc();
      if (hasDied) log.warn({ poller: id }, "a poller is silent; the others take its jobs over");
      else log.info({ poller: id }, "a poller has left");
    }
    for (const id of members.filter((member) => member !== this.id && !this.#members.includes(member))) {
      log.info({ poller: id }, "a poller shares the jobs of this location");
    }
  }

  /** Every beat of the others since the announcement has seen it, so that what they hold is meant to stay. */
  #judgeLeaving(others: readonly Member[]): void {
    const { clock } = this.#options;
    if (this.#leavingSince === Infinity) this.#leavingSince = clock.monotonic();
    const isSeen = clock.monotonic() - this.#leavingSince > BEAT_MS;
    const heirs = heirsAmong(others);
    // After an outage of the database the others have a lease's length to show that they live.
    const isAlone =
      heirs.length === 0 &&
      (this.#contact.isSettled(clock.monotonic()) || this.#members.every((member) => member === this.id));
    const isTaken =
      isSeen &&
      isCovered(
        bucketsOf(this.#held),
        heirs.map(({ buckets }) => buckets),
      );
    if (isAlone || isTaken) this.#endHandOver();
  }

  #noteClock(offsetMs: number): void {
    this.#clockOffsetMs = offsetMs;
    const isOff = Math.abs(offsetMs) > CLOCK_TOLERANCE_MS;
    if (isOff && !this.#isClockOff) {
      this.#options.log.warn(
        { offsetMs: Math.round(offsetMs) },
        "this machine's clock is not the database's, by so much; slots are wall-clock times: set both by NTP",
      );
    }
    this.#isClockOff = isOff;
  }

  #stats(): PollerStats {
    return {
      ...this.#options.load(),
      memoryBytes: process.memoryUsage.rss(),
      clockOffsetMs: this.#clockOffsetMs,
      version,
    };
  }
}

function bucketsOf(share: Share | null): BucketSet {
  return share?.part.mode === "live" ? share.part.buckets : emptyBuckets();
}
