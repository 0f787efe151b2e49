import { Problem } from "@nightbell/contract";
import { reportReachability } from "./connection.js";
import { ApiError } from "./errors.js";
import { parseJson } from "./json.js";
import { readServerClock } from "./serverClock.js";

/** What this funnel needs of a contract schema. */
interface Schema<Value> {
  safeParse(value: unknown): { success: true; data: Value } | { success: false };
}

interface Call<Value> {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  url: string;
  /** Shape of a 2xx answer; absent for calls whose answer has no body of interest. */
  answer?: Schema<Value>;
  body?: unknown;
  /** Version the caller saw, sent as `If-Match`. */
  ifMatch?: number;
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
}

/** Longer than any answer of a healthy server, shorter than a person's patience. */
const DEFAULT_TIMEOUT_MS = 15_000;

/**
 * Every call of the API goes through here: JSON both ways, the session in its cookie, answers checked against the
 * contract, failures as ApiError. An abort by the caller's signal is rethrown as it is.
 */
export async function request<Value = void>(call: Call<Value>): Promise<Value> {
  const timeoutMs = call.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
  try {
    const response = await fetch(call.url, { ...init(call), signal });
    readServerClock(response.headers.get("date"));
    return await read(response, call.answer);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    if (call.signal?.aborted) throw error;
    reportReachability("unreachable");
    throw timeout.aborted ? ApiError.timeout(timeoutMs / 1_000) : ApiError.unreachable();
  }
}

function init(call: Call<unknown>): RequestInit {
  const headers = new Headers({ accept: "application/json" });
  if (call.body !== undefined) headers.set("content-type", "application/json");
  if (call.ifMatch !== undefined) headers.set("if-match", `"${call.ifMatch}"`);
  return {
    method: call.method ?? "GET",
    credentials: "same-origin",
    headers,
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  };
}

async function read<Value>(response: Response, schema: Schema<Value> | undefined): Promise<Value> {
  const text = await response.text();
  const body = parseJson(text);
  if (!response.ok) {
    const problem = Problem.safeParse(body);
    reportReachability(response.status === 503 ? "unavailable" : "ok");
    throw problem.success ? ApiError.problem(problem.data) : ApiError.unexpected(response.status);
  }
  reportReachability("ok");
  if (schema === undefined) return undefined as Value;
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw ApiError.unexpected(response.status);
  return parsed.data;
}
