// What a result of the ICMP engine says about a target, in the words of a sample.
import { constants } from "node:os";
import type { ErrorCode } from "@nightbell/contract";
import { ResultKind, type IcmpResult } from "./icmp/index.js";
import { failed, type Failure, succeeded } from "./outcome.js";
import type { ProbeOutcome } from "./prober.js";

export function icmpOutcome(result: IcmpResult, address: string, timeoutMs: number): ProbeOutcome {
  return result.kind === ResultKind.reply
    ? succeeded({ rttUs: Math.max(1, Math.round(result.rttNs / 1_000)), phases: null, address })
    : icmpFailure(result, address, timeoutMs);
}

function icmpFailure(result: IcmpResult, address: string, timeoutMs: number): ProbeOutcome {
  const fail = (code: ErrorCode, error: string): ProbeOutcome => failed({ code, error }, { address });
  switch (result.kind) {
    case ResultKind.timeout:
      return fail("timeout", `no answer from ${address} within ${timeoutMs} ms`);
    case ResultKind.icmpError: {
      const { code, words } = icmpError(result);
      return fail(code, `${result.source ?? "a router"} says about ${address}: ${words}`);
    }
    case ResultKind.sendError:
      return failed(sendFailure(result.errno, address), { address });
    case ResultKind.cancelled:
      return fail("cancelled", "the probe was cancelled");
    case ResultKind.overloaded:
      return fail("overloaded", `an answer from ${address} may have been lost: our receive buffer was full`);
    default:
      return fail("internal", `the ICMP engine reported ${result.kind} as a result`);
  }
}

/** Destination unreachable (RFC 792, RFC 1122, RFC 1812; for IPv6 RFC 4443), by code. */
const unreachable4: Record<number, ErrorCode> = {
  0: "network_unreachable",
  6: "network_unreachable",
  9: "packet_filtered",
  10: "packet_filtered",
  11: "network_unreachable",
  13: "packet_filtered",
};
const unreachable6: Record<number, ErrorCode> = {
  0: "network_unreachable",
  1: "packet_filtered",
  5: "packet_filtered",
  6: "packet_filtered",
};

const words: Partial<Record<ErrorCode, string>> = {
  network_unreachable: "its network is unreachable",
  host_unreachable: "the host is unreachable",
  packet_filtered: "the way is administratively prohibited",
};

/** What an ICMP error says about the way to the target. */
export function icmpError({ icmpType, icmpCode, isIpv6 }: IcmpResult): { code: ErrorCode; words: string } {
  if (icmpType === (isIpv6 ? 3 : 11))
    return { code: "ttl_exceeded", words: "the packet's time to live ran out" };
  if (icmpType === (isIpv6 ? 1 : 3)) {
    const code = (isIpv6 ? unreachable6 : unreachable4)[icmpCode] ?? "host_unreachable";
    return { code, words: words[code] ?? code };
  }
  return { code: "host_unreachable", words: `ICMP error type ${icmpType}, code ${icmpCode}` };
}

/** Why the system refused to send. */
export function sendFailure(errno: number, address: string): Failure {
  const { EACCES, EPERM, ENETUNREACH, EHOSTUNREACH, EAFNOSUPPORT, ENOBUFS } = constants.errno;
  switch (errno) {
    case ENETUNREACH:
    case EHOSTUNREACH:
      return { code: "no_route", error: `this machine has no route to ${address}` };
    case EACCES:
    case EPERM:
      return { code: "permission", error: `this machine does not permit packets to ${address}` };
    case EAFNOSUPPORT: {
      const error = `this machine cannot send ICMP to the address family of ${address}`;
      return { code: "address_family", error };
    }
    case ENOBUFS:
      return { code: "overloaded", error: "the system had no buffer left for the packet" };
    default: {
      const name =
        Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
      return { code: "socket", error: `sending to ${address} failed (${name})` };
    }
  }
}
