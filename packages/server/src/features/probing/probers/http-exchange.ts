// One request and the head of its answer over a connection made for it, and the bounded body: what HTTP/1.1 and HTTP/2 share.
import type { Socket } from "node:net";
import { type Attempt, ProbeFailure } from "./attempt.js";

export interface HttpRequest {
  method: string;
  url: URL;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: string | null;
}

export interface HttpHead {
  status: number;
  /** Names in lower case, repeated ones joined by a comma. */
  headers: ReadonlyMap<string, string>;
  /** When the body ended (performance.now()), where that was seen by another thread. */
  endedAt?: number;
  /** Reads the body to its end. Throws ProbeFailure. */
  readBody(limits: BodyLimits): Promise<Buffer>;
}

export interface BodyLimits {
  /** More than these are `http_body_too_large`. */
  maxBytes: number;
  /** False only counts the bytes, for nobody looks at them. */
  keep: boolean;
}

/** Sends a request and waits for the head of the answer. Throws ProbeFailure. */
export type Exchange = (
  current: Attempt,
  socket: Socket,
  endpoint: string,
  request: HttpRequest,
) => Promise<HttpHead>;

export const IN_THE_BODY = "in the middle of the body";

export function bodyTooLarge(endpoint: string, maxBytes: number): ProbeFailure {
  return new ProbeFailure("http_body_too_large", `the body from ${endpoint} has more than ${maxBytes} bytes`);
}

export function closedTooEarly({ during }: Attempt, endpoint: string): ProbeFailure {
  return new ProbeFailure("connection_closed", `${endpoint} closed the connection (${during})`);
}
