// Every error leaves as problem+json (RFC 9457) with a code of the registry; what is not ours to show is logged, not sent.
import type { Problem } from "@nightbell/contract";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { isDatabaseUnavailable } from "../db.js";
import { type ErrorCodeName, errorRegistry, NightbellError } from "../errors.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The path holds a secret, which no log may show. */
    hasSecretPath?: boolean;
  }
}

export const PROBLEM_CONTENT_TYPE = "application/problem+json; charset=utf-8";

export function problemOf(error: NightbellError, requestId: string): Problem {
  const { status, title } = errorRegistry[error.code];
  return {
    type: `urn:nightbell:error:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    ...(error.errors === undefined ? {} : { errors: error.errors }),
    requestId,
  };
}

/** Of Postgres, for a statement beyond its time limit. */
const QUERY_CANCELED = "57014";

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const known = asNightbellError(error);
  logFailure(known, error, request);
  const retryAfterSeconds = known.retryAfterSeconds ?? (errorRegistry[known.code].retry ? 1 : undefined);
  if (retryAfterSeconds !== undefined) void reply.header("retry-after", Math.ceil(retryAfterSeconds));
  if (known.code === "unauthenticated") void reply.header("www-authenticate", 'Bearer realm="nightbell"');
  // Serialised here: the response schemas of the route describe its success.
  void reply
    .code(known.status)
    .header("x-request-id", request.id)
    .type(PROBLEM_CONTENT_TYPE)
    .serializer(JSON.stringify)
    .send(problemOf(known, request.id));
}

function logFailure(known: NightbellError, error: unknown, request: FastifyRequest): void {
  // `not_ready` is an answer, asked for by whoever probes readiness, and no failure.
  if (known.status < 500 || known.code === "not_ready") return;
  const { log, routeOptions } = request;
  const url = routeOptions.config.hasSecretPath === true ? routeOptions.url : request.url;
  if (known.code !== "database_unavailable") {
    log.error({ err: error, url }, "request failed");
    return;
  }
  // That the database is away is told once, by who watches it; every request fails then. A statement that it ended for
  // taking too long is that request's own news.
  const isOwn = error instanceof Error && codeOf(error) === QUERY_CANCELED;
  log[isOwn ? "warn" : "debug"]({ url, reason: String(error) }, "request failed");
}

/** Finds the error of the registry for whatever was thrown. Its detail never carries what an unknown error said. */
export function asNightbellError(error: unknown): NightbellError {
  if (error instanceof NightbellError) return error;
  if (!(error instanceof Error)) return internal(error);
  const code = codeOf(error);
  const translated = byFastifyCode[code];
  if (translated !== undefined) return new NightbellError(...translated, { cause: error });
  if (isDatabaseUnavailable(error)) {
    return new NightbellError("database_unavailable", "The database does not answer; try again shortly.", {
      cause: error,
    });
  }
  if (statusOf(error) === 400) {
    return new NightbellError("malformed_request", "The request cannot be read.", { cause: error });
  }
  return internal(error);
}

function internal(cause: unknown): NightbellError {
  return new NightbellError(
    "internal",
    "Something failed on our side. The log has the details under the request id.",
    { cause },
  );
}

const byFastifyCode: Record<string, [ErrorCodeName, string]> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ["payload_too_large", "The body is larger than this route accepts."],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ["unsupported_media_type", "Send the body as application/json."],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    "malformed_request",
    "The body is not as long as Content-Length says.",
  ],
  FST_ERR_MAX_PARAM_LENGTH: ["not_found", "There is nothing at an address of such a length."],
  FST_ERR_BAD_URL: ["malformed_request", "The address contains an invalid percent-encoding."],
};

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

function statusOf(error: Error | FastifyError): number | undefined {
  return "statusCode" in error ? error.statusCode : undefined;
}
