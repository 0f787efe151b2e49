/**
 * Every error a user or a program can meet: code → HTTP status and title. The reference lists exactly these.
 * `retry` says whether the same call may succeed later without being changed.
 */
export const errorRegistry = {
  validation_failed: { status: 400, title: "The request is not valid", retry: false },
  malformed_request: { status: 400, title: "The request cannot be read", retry: false },
  unauthenticated: { status: 401, title: "Log in first", retry: false },
  invalid_credentials: { status: 401, title: "Wrong email address or password", retry: false },
  forbidden: { status: 403, title: "Your role does not allow this", retry: false },
  cross_origin: { status: 403, title: "The request comes from another site", retry: false },
  registration_closed: { status: 403, title: "Registration is closed", retry: false },
  simulation_forbidden: { status: 403, title: "Simulated jobs are not allowed here", retry: false },
  not_found: { status: 404, title: "Not found", retry: false },
  method_not_allowed: { status: 405, title: "The method does not exist here", retry: false },
  key_taken: { status: 409, title: "Another job has this key", retry: false },
  email_taken: { status: 409, title: "This email address has an account", retry: false },
  invalid_transition: { status: 409, title: "The job's status does not allow this", retry: false },
  limit_reached: { status: 409, title: "There are as many as there may be", retry: false },
  version_conflict: { status: 412, title: "Somebody else changed this meanwhile", retry: false },
  payload_too_large: { status: 413, title: "The request is too large", retry: false },
  unsupported_media_type: { status: 415, title: "The request must be JSON", retry: false },
  idempotency_mismatch: {
    status: 422,
    title: "This Idempotency-Key belongs to another request",
    retry: false,
  },
  rate_limited: { status: 429, title: "Too many requests", retry: true },
  internal: { status: 500, title: "Something failed on our side", retry: true },
  history_damaged: { status: 500, title: "Stored samples are damaged", retry: false },
  overloaded: { status: 503, title: "Too busy at the moment", retry: true },
  not_measured: { status: 503, title: "We could not measure this", retry: true },
  not_ready: { status: 503, title: "Not ready", retry: true },
  database_unavailable: { status: 503, title: "The database does not answer", retry: true },
  too_many_streams: { status: 503, title: "Too many live connections", retry: true },
} as const;

export type ErrorCodeName = keyof typeof errorRegistry;

export interface FieldError {
  /** Dotted path into the request body or query; empty for the whole. */
  path: string;
  message: string;
}

/** An error of the registry. `message` is the detail: a sentence that tells the person what to do next. */
export class NightbellError extends Error {
  readonly code: ErrorCodeName;
  readonly errors: FieldError[] | undefined;
  /** Seconds after which a retry makes sense. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCodeName,
    detail: string,
    more: { errors?: FieldError[]; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(detail, { cause: more.cause });
    this.name = "NightbellError";
    this.code = code;
    this.errors = more.errors;
    this.retryAfterSeconds = more.retryAfterSeconds;
  }

  get status(): number {
    return errorRegistry[this.code].status;
  }
}
