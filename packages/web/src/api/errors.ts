import type { Problem } from "@nightbell/contract";

/**
 * `problem`: the server said what is wrong. `unreachable` and `timeout`: no answer came. `unexpected`: an answer that
 * this version of the app cannot read.
 */
type Kind = "problem" | "unreachable" | "timeout" | "unexpected";

export interface FieldError {
  path: string;
  message: string;
}

/** The one error that calls of the API throw. `message` is a sentence for the person. */
export class ApiError extends Error {
  readonly kind: Kind;
  /** HTTP status; 0 without an answer. */
  readonly status: number;
  readonly code: string;
  readonly fieldErrors: readonly FieldError[];
  readonly requestId: string | null;

  private constructor(kind: Kind, status: number, code: string, message: string, problem?: Problem) {
    super(message);
    this.name = "ApiError";
    this.kind = kind;
    this.status = status;
    this.code = code;
    this.fieldErrors = problem?.errors ?? [];
    this.requestId = problem?.requestId ?? null;
  }

  static problem(problem: Problem): ApiError {
    return new ApiError("problem", problem.status, problem.code, problem.detail || problem.title, problem);
  }

  static unreachable(): ApiError {
    return new ApiError(
      "unreachable",
      0,
      "unreachable",
      "Nightbell does not answer. Check your connection and that the program is running.",
    );
  }

  static timeout(seconds: number): ApiError {
    return new ApiError("timeout", 0, "timeout", `Nightbell did not answer within ${seconds} seconds.`);
  }

  static unexpected(status: number): ApiError {
    return new ApiError(
      "unexpected",
      status,
      "unexpected",
      status === 502 || status === 503 || status === 504
        ? "Nightbell cannot be reached through its proxy right now."
        : "The answer could not be read. Reload the page: the program may have been updated.",
    );
  }

  /** Whether the same call may succeed later without being changed. */
  get isTransient(): boolean {
    return (
      this.kind === "unreachable" || this.kind === "timeout" || this.status === 429 || this.status >= 500
    );
  }
}

/** The sentence to show for anything that was thrown. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : "Something went wrong.";
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof ApiError && error.code === code;
}
