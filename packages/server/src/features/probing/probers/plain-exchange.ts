// A try's exchange over a plain connection by the socket engine: what a prober says while it is under way and in the end.
import { getSystemErrorName } from "node:util";
import type { ResolvedAddress } from "../address.js";
import type { Ended, PlainRequest, Progress, SocketEngine } from "../sockets/index.js";
import { type Attempt, endpointText, ProbeFailure, WAITING } from "./attempt.js";
import { connectionFailure } from "./connection.js";
import { bodyTooLarge, closedTooEarly, IN_THE_BODY } from "./http-exchange.js";

const duringOf: Record<Progress["stage"], string> = {
  connecting: "while connecting",
  waiting: WAITING,
  inBody: IN_THE_BODY,
};

export interface Exchanged {
  ended: Ended;
  /** What went wrong; null when nothing did. */
  failure: ProbeFailure | null;
}

/**
 * Runs an exchange up to its end, in phases `connect` and, with a request, `firstByte`. Null when the engine cannot take
 * it, and it has to go through Node. Throws ProbeFailure when the engine died of something.
 */
export function exchangePlain(
  current: Attempt,
  engine: SocketEngine | null,
  { address }: ResolvedAddress,
  port: number,
  request: PlainRequest | null,
): Promise<Exchanged> | null {
  const exchange = engine?.thread?.begin(address, port, request) ?? null;
  if (exchange === null) return null;
  const endpoint = endpointText(address, port);
  current.awaits(endpoint, duringOf.connecting);
  current.hold(() => exchange.cancel());
  current.lookAgain = () => {
    const progress = exchange.progress();
    if (progress !== null) take(current, endpoint, progress);
    return progress === null;
  };
  return exchange.ended.then((ended) => {
    current.lookAgain = null;
    if (ended === null) throw new ProbeFailure("socket", "the socket worker died; it is being restarted");
    take(current, endpoint, ended);
    return { ended, failure: failureOf(current, endpoint, ended, request) };
  });
}

/** What is known now goes into the try: its phases, and what it is doing. */
function take(current: Attempt, endpoint: string, { stage, startedAt, connectedAt, headAt }: Progress): void {
  current.awaits(endpoint, duringOf[stage]);
  // Handing it over took time of ours, not of the target.
  if (startedAt !== null) current.beginPhaseAt(startedAt);
  if (connectedAt !== null) current.endPhase("connect", connectedAt);
  if (headAt !== null) current.endPhase("firstByte", headAt);
}

function failureOf(
  current: Attempt,
  endpoint: string,
  { ending, errno, reason }: Ended,
  request: PlainRequest | null,
): ProbeFailure | null {
  switch (ending) {
    case "success":
      return null;
    case "malformed":
      return new ProbeFailure("http_malformed", `${endpoint} sent what is not HTTP/1.1: ${reason}`);
    case "bodyTooLarge":
      return bodyTooLarge(endpoint, request?.maxBodyBytes ?? 0);
    case "closed":
      return closedTooEarly(current, endpoint);
    case "cancelled":
      return new ProbeFailure("cancelled", "the probe was cancelled");
    case "failed":
    case "refusedHere": {
      const code = getSystemErrorName(-errno);
      const error = Object.assign(new Error(code), { code, syscall: "connect" });
      return connectionFailure(error, current, endpoint, ending === "refusedHere");
    }
  }
}
