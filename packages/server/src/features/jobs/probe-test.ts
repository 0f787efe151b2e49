// Runs a probe once, for the form's "Test now". How a probe is run is given from outside: the engines live in probing.
import type { JobOptions, JobType, ProbeResult } from "@nightbell/contract";
import type { Clock } from "../../platform/clock.js";
import { NightbellError } from "../../platform/errors.js";
import { RateLimiter } from "../../platform/limits.js";
import { Semaphore } from "../../platform/semaphore.js";

/** Probing's `ProbeOutcome`, which this feature may not import: probing builds on jobs. */
interface Outcome extends Omit<ProbeResult, "rttMs"> {
  readonly rttUs: number | null;
}

export type ProbeOnce = (
  type: JobType,
  target: string,
  options: JobOptions,
  signal: AbortSignal,
) => Promise<Outcome>;

export type TestProbe = (
  userId: string,
  probe: { type: JobType; target: string; options: JobOptions },
  signal: AbortSignal,
) => Promise<ProbeResult>;

/** At once per instance. A probe may hold its place for its whole timeout, up to a minute. */
const CONCURRENCY = 20;
/** Of these for one account, so that slow targets of one person leave places for the others. */
const CONCURRENCY_PER_ACCOUNT = 4;
/** A person who tries settings presses the button every few seconds. */
const PER_MINUTE = 30;
const RETRY_AFTER_SECONDS = 5;

/** Throws `rate_limited` when the account, or the instance, has too many. */
export function createProbeTester(probe: ProbeOnce, clock: Clock): TestProbe {
  const perAccount = new RateLimiter({ count: PER_MINUTE, perMs: 60_000 }, clock);
  const places = new Semaphore({ concurrency: CONCURRENCY, queue: 0 }, () =>
    tooMany("Too many probes are being tested at once; try again in a few seconds.", RETRY_AFTER_SECONDS),
  );
  /** Probes under way of each account that has any. */
  const underWay = new Map<string, number>();
  return async (userId, { type, target, options }, signal) => {
    const own = underWay.get(userId) ?? 0;
    if (own >= CONCURRENCY_PER_ACCOUNT) {
      throw tooMany(
        `You may test ${CONCURRENCY_PER_ACCOUNT} probes at once; wait until one ends.`,
        RETRY_AFTER_SECONDS,
      );
    }
    const { allowed, retryAfterMs } = perAccount.consume(userId);
    if (!allowed) {
      throw tooMany(`You may test ${PER_MINUTE} probes a minute; wait a moment.`, retryAfterMs / 1_000);
    }
    underWay.set(userId, own + 1);
    try {
      const { rttUs, ...found } = await places.run(() => probe(type, target, options, signal));
      return { ...found, rttMs: rttUs === null ? null : rttUs / 1_000 };
    } finally {
      const left = (underWay.get(userId) ?? 0) - 1;
      if (left > 0) underWay.set(userId, left);
      else underWay.delete(userId);
    }
  };
}

function tooMany(detail: string, retryAfterSeconds: number): NightbellError {
  return new NightbellError("rate_limited", detail, { retryAfterSeconds });
}
