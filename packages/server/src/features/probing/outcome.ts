// How probers say what they found: a success, or a failure by its code and a sentence for people.
import { type ErrorCode, type Phases, statusOfError } from "@nightbell/contract";
import type { ProbeOutcome } from "./prober.js";

/** Why a try failed; the code alone decides whether it is held against the target (`statusOfError`). */
export interface Failure {
  code: ErrorCode;
  error: string;
}

export interface Measured {
  /** Set when the target answered, rightly or wrongly. */
  rttUs: number | null;
  phases: Phases | null;
  address: string | null;
}

export function succeeded(measured: Measured): ProbeOutcome {
  return { status: "success", ...measured, errorCode: null, error: null };
}

export function failed(failure: Failure, measured: Partial<Measured> = {}): ProbeOutcome {
  return {
    status: statusOfError(failure.code),
    rttUs: measured.rttUs ?? null,
    errorCode: failure.code,
    error: plainSentence(failure.error),
    phases: measured.phases ?? null,
    address: measured.address ?? null,
  };
}

const MAX_SENTENCE_LENGTH = 500;

/** Sentences quote what targets sent; control characters (NUL is not even a text to Postgres) and floods stay out. */
function plainSentence(text: string): string {
  const plain = text.toWellFormed().replace(/\p{Cc}+/gu, " ");
  return plain.length > MAX_SENTENCE_LENGTH ? `${plain.slice(0, MAX_SENTENCE_LENGTH - 1)}…` : plain;
}
