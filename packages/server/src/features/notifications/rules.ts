// What becomes of a mail after an attempt. Pure.
import { backoffMs } from "../../platform/lease.js";
import type { Delivery } from "./mailer.js";

/** With the backoff below a little more than a day: mail servers come back within one, or something else is wrong. */
export const MAX_ATTEMPTS = 36;
const BACKOFF = { firstMs: 10_000, longestMs: 3_600_000 };

export type Verdict =
  | { readonly status: "sent"; readonly error: null }
  | { readonly status: "failed"; readonly error: string }
  | { readonly status: "waiting"; readonly error: string; readonly againInMs: number };

/** `attempt` from 1; `random` in [0, 1). */
export function judge(delivery: Delivery, attempt: number, random: number): Verdict {
  if (delivery.isTaken) return { status: "sent", error: null };
  if (delivery.isFinal) return { status: "failed", error: delivery.reason };
  if (attempt >= MAX_ATTEMPTS) {
    return { status: "failed", error: `given up after ${attempt} attempts; the last: ${delivery.reason}` };
  }
  return { status: "waiting", error: delivery.reason, againInMs: backoffMs(attempt, BACKOFF, random) };
}
