// dns: exactly one query per try; the RTT is that from the query to the answer.
import { randomInt } from "node:crypto";
import { Resolver } from "node:dns";
import { isIPv6 } from "node:net";
import type { ErrorCode, OptionsOf } from "@nightbell/contract";
import type { ResolvedAddress } from "../address.js";
import type { Failure } from "../outcome.js";
import type { Prober } from "../prober.js";
import { type Attempt, attempt, endpointText, ProbeFailure } from "./attempt.js";
import { type NameServers, resolveTarget } from "./connection.js";
import { queryTcp, queryUdp } from "./dns-exchange.js";
import { type DnsMessage, encodeQuery } from "./dns-message.js";
import { isSameRdata, recordTypes } from "./dns-rdata.js";
import { targetOf } from "./target.js";

type Options = OptionsOf<"dns">;

export function createDnsProber(servers?: NameServers): Prober<Options> {
  return {
    type: "dns",
    probe: ({ target, options }, signal) =>
      attempt(options.timeoutMs, signal, async (current) => {
        const { name, server, port } = targetOf("dns", target);
        const isOurs = server === null;
        const to = isOurs
          ? systemServer(options.family, servers)
          : { ...(await resolveTarget(current, server, options.family, servers)), port };
        current.address = to.address;
        if (isOurs) current.seenAs = asOurs;
        const answer = await ask(current, to, name, options);
        const rttUs = Math.round((current.phases["query"] ?? 0) * 1_000);
        const failure = judgeAnswer(answer, name, endpointText(to.address, to.port), options);
        if (failure !== null) throw new ProbeFailure(failure.code, failure.error, rttUs);
        return rttUs;
      }),
  };
}

function ask(
  current: Attempt,
  to: ResolvedAddress & { port: number },
  name: string,
  { recordType, recursionDesired, transport }: Options,
): Promise<DnsMessage> {
  const id = randomInt(0x1_0000);
  const question = { name, type: recordTypes[recordType] };
  const query = { id, question, bytes: encodeQuery(id, question, recursionDesired) };
  return (transport === "tcp" ? queryTcp : queryUdp)(current, to, to.port, query);
}

/** The first thing wrong with an answer, null when nothing is. Pure. */
export function judgeAnswer(
  answer: DnsMessage,
  name: string,
  endpoint: string,
  { recordType, expectedRcode, expectedAnswers, transport }: Options,
): Failure | null {
  const asked = `${endpoint}, asked for ${recordType} of ${name},`;
  const rcode = rcodes[answer.rcode] ?? `RCODE${answer.rcode}`;
  if (answer.isTruncated) {
    const hint = transport === "udp" ? "; ask over tcp" : "";
    return { code: "dns_truncated", error: `${asked} answered more than fits${hint}` };
  }
  if (rcode !== expectedRcode) {
    return { code: "dns_rcode", error: `${asked} answered ${rcode}, expected ${expectedRcode}` };
  }
  const missing = expectedAnswers.find(
    (expected) => !answer.answers.some(({ type, text }) => isSameRdata(type, text, expected)),
  );
  if (missing === undefined) return null;
  const found = answer.answers.map(({ text }) => text).slice(0, 5);
  return {
    code: "dns_answer_mismatch",
    error: `${asked} answered ${found.length === 0 ? "nothing" : found.join("; ")}, expected ${missing}`,
  };
}

/** IANA's registry of DNS RCODEs, by number. */
const rcodes =
  "NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH NOTZONE".split(" ");

/** This machine's own resolver that cannot be reached is our failure, not that of the name. */
function asOurs(failure: Failure): Failure {
  return unreached.has(failure.code)
    ? { code: "resolver", error: `this machine's resolver failed: ${failure.error}` }
    : failure;
}

const unreached: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "timeout",
  "connection_refused",
  "connection_reset",
  "connection_closed",
  "host_unreachable",
  "network_unreachable",
]);

/** The first of this machine's DNS servers that has the family. */
function systemServer(family: Options["family"], servers: NameServers): ResolvedAddress & { port: number } {
  const known = (servers ?? new Resolver().getServers()).map(parseServer);
  const server = known.find((each) => family === "auto" || each.family === (family === "ipv4" ? 4 : 6));
  if (server === undefined)
    throw new ProbeFailure("address_family", `this machine has no DNS server with an ${family} address`);
  return server;
}

/** `10.0.0.1`, `10.0.0.1:5353`, `::1` or `[::1]:5353`, as node:dns writes them. */
function parseServer(text: string): ResolvedAddress & { port: number } {
  const [, bracketed, plain, port = "53"] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? text;
  return { address, family: isIPv6(address) ? 6 : 4, port: Number(port) };
}
