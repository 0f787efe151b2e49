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
/** A person who tries settings presses the button every few seconds. */
const PER_MINUTE = 30;

/** Throws `rate_limited` when the account, or the instance, has too many. */
export function createProbeTester(probe: ProbeOnce, clock: Clock): TestProbe {
  const perAccount = new RateLimiter({ count: PER_MINUTE, perMs: 60_000 }, clock);
  const places = new Semaphore({ concurrency: CONCURRENCY, queue: 0 }, () =>
    tooMany("Too many probes are being tested at once; try again in a few seconds.", 5),
  );
  return async (userId, { type, target, options }, signal) => {
    const { allowed, retryAfterMs } = perAccount.consume(userId);
    if (!allowed) {
      throw tooMany(`You may test ${PER_MINUTE} probes a minute; wait a moment.`, retryAfterMs / 1_000);
    }
    const { rttUs, ...found } = await places.run(() => probe(type, target, options, signal));
    return { ...found, rttMs: rttUs === null ? null : rttUs / 1_000 };
  };
}

function tooMany(detail: string, retryAfterSeconds: number): NightbellError {
  return new NightbellError("rate_limited", detail, { retryAfterSeconds });
}
