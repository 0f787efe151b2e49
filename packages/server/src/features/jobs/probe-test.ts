// Runs a probe once, for the form's "Test now". How a probe is run is given from outside: the engines live in probing.
import type { JobOptions, ProbeResult, ProbeType } from "@nightbell/contract";
import { AccountShares } from "../../platform/account-shares.js";
import type { Clock } from "../../platform/clock.js";
import { NightbellError } from "../../platform/errors.js";
import { RateLimiter } from "../../platform/limits.js";

/** Probing's `ProbeOutcome`, which this feature may not import: probing builds on jobs. */
interface Outcome extends Omit<ProbeResult, "rttMs"> {
  readonly rttUs: number | null;
}

export type ProbeOnce = (
  type: ProbeType,
  target: string,
  options: JobOptions,
  signal: AbortSignal,
) => Promise<Outcome>;

export type TestProbe = (
  userId: string,
  probe: { type: ProbeType; target: string; options: JobOptions },
  signal: AbortSignal,
) => Promise<ProbeResult>;

/** At once per instance. A probe may hold its place for its whole timeout, up to a minute. */
const CONCURRENCY = 20;
const CONCURRENCY_PER_ACCOUNT = 4;
/** A person who tries settings presses the button every few seconds. */
const PER_MINUTE = 30;

/** Throws `rate_limited` when the account, or the instance, has too many. */
export function createProbeTester(probe: ProbeOnce, clock: Clock): TestProbe {
  const perAccount = new RateLimiter({ count: PER_MINUTE, perMs: 60_000 }, clock);
  const shares = new AccountShares({
    concurrency: CONCURRENCY,
    perAccount: CONCURRENCY_PER_ACCOUNT,
    refusals: {
      tooMany: "Too many probes are being tested at once; try again in a few seconds.",
      tooManyOfYours: `You may test ${CONCURRENCY_PER_ACCOUNT} probes at once; wait until one ends.`,
    },
  });
  return async (userId, { type, target, options }, signal) => {
    shares.refuseBeyondShare(userId);
    const { allowed, retryAfterMs } = perAccount.consume(userId);
    if (!allowed) {
      throw new NightbellError("rate_limited", `You may test ${PER_MINUTE} probes a minute; wait a moment.`, {
        retryAfterSeconds: retryAfterMs / 1_000,
      });
    }
    const { rttUs, ...found } = await shares.run(userId, () => probe(type, target, options, signal));
    return { ...found, rttMs: rttUs === null ? null : rttUs / 1_000 };
  };
}
