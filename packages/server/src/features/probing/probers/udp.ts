// udp: one datagram; the RTT is that from sending it to the first answer.
import type { OptionsOf } from "@nightbell/contract";
import type { Prober } from "../prober.js";
import { type Attempt, attempt, endpointText, ProbeFailure } from "./attempt.js";
import { type NameServers, resolveTarget } from "./connection.js";
import { sendDatagram } from "./datagram.js";
import { targetOf } from "./target.js";

type Options = OptionsOf<"udp">;

/** So much before the deadline a target that need not answer has refused nothing. */
const VERDICT_MARGIN_MS = 5;

export function createUdpProber(servers?: NameServers): Prober<Options> {
  return {
    type: "udp",
    probe: ({ target, options }, signal) =>
      attempt(options.timeoutMs, signal, async (current) => {
        const { host, port } = targetOf("udp", target);
        const address = await resolveTarget(current, host, options.family, servers);
        const answered = sendDatagram(current, address, port, payloadOf(options), "answer", (bytes) => bytes);
        const answer = await (options.expect === "none"
          ? Promise.race([answered, nearDeadline(current)])
          : answered);
        if (answer === null) return null;
        const rttUs = Math.round((current.phases["answer"] ?? 0) * 1_000);
        const error = judgeDatagram(answer, endpointText(address.address, port), options);
        if (error !== null) throw new ProbeFailure("answer_mismatch", error, rttUs);
        return rttUs;
      }),
  };
}

function payloadOf({ payload, payloadFormat }: Options): Buffer {
  return payloadFormat === "hex" ? bytesOfHex(payload) : Buffer.from(payload);
}

/** Null, shortly before the deadline. */
function nearDeadline(current: Attempt): Promise<null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), current.remainingMs - VERDICT_MARGIN_MS);
    current.hold(() => clearTimeout(timer));
  });
}

/** What is wrong with an answer, null when nothing is. Pure. */
export function judgeDatagram(
  answer: Buffer,
  endpoint: string,
  { expect, expected }: Pick<Options, "expect" | "expected">,
): string | null {
  if (expected === null) return null;
  if (expect === "contains" && !answer.includes(expected))
    return `${endpoint} answered ${described(answer)}, expected “${expected}” in it`;
  const start = bytesOfHex(expected);
  if (expect === "hexPrefix" && !answer.subarray(0, start.length).equals(start))
    return `${endpoint} answered ${described(answer)}, expected it to begin with ${start.toString("hex")}`;
  return null;
}

/** Of an answer, as much as a sentence takes. */
const SHOWN_BYTES = 50;

/** As text where it is plain text, else in hexadecimal. */
function described(answer: Buffer): string {
  if (answer.length === 0) return "an empty datagram";
  const shown = answer.subarray(0, SHOWN_BYTES);
  const more = answer.length > SHOWN_BYTES ? "…" : "";
  const isText = shown.every((byte) => byte >= 0x20 && byte < 0x7f);
  return isText ? `“${shown.toString("latin1")}${more}”` : `${shown.toString("hex")}${more}`;
}

function bytesOfHex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(/\s/g, ""), "hex");
}
