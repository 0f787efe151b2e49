import { z } from "zod";
import { canonicalHost } from "./hosts.js";

/** The probe types of M2. */
export const JobType = z.enum([
  "icmp",
  "tcp",
  "udp",
  "http",
  "websocket",
  "dns",
  "tls",
  "latency_api",
  "heartbeat",
]);
export type JobType = z.infer<typeof JobType>;

/** Types whose target we ask, at any time; a heartbeat's target calls us. */
export const ProbeType = JobType.exclude(["heartbeat"]);
export type ProbeType = z.infer<typeof ProbeType>;

/** `missed`: the target did not answer in time or answered wrongly. `system_error`: we failed (M3). */
export const SampleStatus = z.enum(["success", "missed", "system_error"]);
export type SampleStatus = z.infer<typeof SampleStatus>;

/** Codes of what the target did wrong. */
const missedCodes = [
  "timeout",
  "connection_refused",
  "connection_reset",
  "connection_closed",
  "host_unreachable",
  "network_unreachable",
  "ttl_exceeded",
  "packet_filtered",
  "name_not_found",
  "dns_rcode",
  "dns_malformed",
  "dns_truncated",
  "dns_answer_mismatch",
  "tls_handshake",
  "tls_expired",
  "tls_not_yet_valid",
  "tls_self_signed",
  "tls_untrusted",
  "tls_name_mismatch",
  "tls_expires_soon",
  "http_status",
  "http_header",
  "http_body",
  "http_json",
  "http_malformed",
  "http_body_too_large",
  "http_redirect_limit",
  "http_redirect_invalid",
  "answer_mismatch",
  "websocket_handshake",
  "websocket_malformed",
  "websocket_message_too_large",
  "websocket_closed",
  "latency_api_miss",
  "heartbeat_missed",
  "heartbeat_failed",
] as const;

/** Codes of what kept us from measuring. */
const systemErrorCodes = [
  "cancelled",
  "socket",
  "no_route",
  "permission",
  "resolver",
  "overloaded",
  "address_denied",
  "address_family",
  "latency_api_unavailable",
  "latency_api_malformed",
  "database_unavailable",
  "poller_offline",
  "simulated",
  "internal",
] as const;

/** Stable codes of what went wrong; the sentence beside the code is for people and may change. */
export const ErrorCode = z.enum([...missedCodes, ...systemErrorCodes]);
export type ErrorCode = z.infer<typeof ErrorCode>;

const ours: ReadonlySet<ErrorCode> = new Set(systemErrorCodes);

/** Whose fault a code is: the target's (`missed`) or ours (`system_error`). */
export function statusOfError(code: ErrorCode): "missed" | "system_error" {
  return ours.has(code) ? "system_error" : "missed";
}

/**
 * Durations in milliseconds by phase. http: `dns`, `connect`, `tls`, `firstByte` (request sent to head of the answer),
 * `transfer`, summed over the redirects, so that together they make up the RTT; websocket: `dns`, `connect`, `tls`,
 * `upgrade`, `message` or `ping`, the same; tcp: `dns`, `connect`; udp: `dns`, `answer`; tls: `dns`, `connect`,
 * `handshake`; dns: `connect` (over TCP), `query`. Beside them, where TLS is spoken,
 * `certificateDaysLeft`: whole days until the server's certificate expires, negative once it has.
 */
export const Phases = z.record(z.string(), z.number());
export type Phases = z.infer<typeof Phases>;

/**
 * `auto` chooses before it connects and never falls back after: a name in the hosts file has the address of its first
 * line there; any other is asked for IPv6 and IPv4 at once and measured over IPv6 when it has such an address and this
 * machine a route to it, otherwise over IPv4. So an outage of IPv6 is seen, not hidden by IPv4.
 */
const AddressFamily = z.enum(["auto", "ipv4", "ipv6"]);

const timeoutMs = z
  .number()
  .int("must be a whole number of milliseconds")
  .min(10, "must be at least 10 ms")
  .max(60_000, "must be at most 60000 ms")
  .default(5_000);

const family = AddressFamily.default("auto");

export const IcmpOptions = z.strictObject({
  timeoutMs,
  family,
  /** Bytes after the ICMP header; the first 16 carry the token that a reply must return. */
  payloadBytes: z.number().int().min(16).max(1_400).default(56),
  ttl: z.number().int().min(1).max(255).default(64),
});

export const TcpOptions = z.strictObject({ timeoutMs, family });

/** What fits into a datagram that no network on the way has to cut into pieces. */
const MAX_DATAGRAM_BYTES = 1_400;
const PAIRS_OF_DIGITS = /^(?:[0-9a-f]{2}\s*)*$/i;
const NO_HEX = "must be pairs of hexadecimal digits, such as 0a ff";

export const UdpOptions = z
  .strictObject({
    timeoutMs,
    family,
    /** The one datagram that is sent; empty is a datagram without content. */
    payload: z
      .string()
      .max(3 * MAX_DATAGRAM_BYTES)
      .default(""),
    /** `hex`: pairs of hexadecimal digits, which blanks may part. */
    payloadFormat: z.enum(["text", "hex"]).default("text"),
    /**
     * `any`: there is an answer; `contains`, `hexPrefix`: the first answer has the text `expected` in it, or begins with
     * the bytes `expected`; `none`: no answer is needed, and what nobody refuses within the timeout is a success.
     */
    expect: z.enum(["any", "contains", "hexPrefix", "none"]).default("any"),
    expected: z.string().min(1).max(1_000).nullable().default(null),
  })
  .superRefine(({ payload, payloadFormat, expect, expected }, context) => {
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: "custom", message, path: [field] });
    const isHex = payloadFormat === "hex";
    const size = isHex ? payload.replace(/\s/g, "").length / 2 : payload.length;
    if (isHex && !PAIRS_OF_DIGITS.test(payload)) refuse("payload", NO_HEX);
    else if (size > MAX_DATAGRAM_BYTES)
      refuse("payload", `must have at most ${MAX_DATAGRAM_BYTES} ${isHex ? "bytes" : "characters"}`);
    if ((expect === "contains" || expect === "hexPrefix") && expected === null)
      refuse("expected", "must say what the answer is compared with");
    else if (expect === "hexPrefix" && !PAIRS_OF_DIGITS.test(expected ?? "")) refuse("expected", NO_HEX);
  });

const Status = z.number().int().min(100).max(599);
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
const headerName = z.string().regex(HEADER_NAME, "must be a header name");
const headerValue = z
  .string()
  .max(4_000)
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, "must not contain control characters");
/** Headers that frame the request or open a WebSocket; wrong ones would break the probe, not the target. */
const FRAMING = /^(?:connection|content-length|keep-alive|te|transfer-encoding|upgrade|sec-websocket-.*)$/i;
/** More than any service asks for; each job's options are read by pollers and shown in lists. */
const MAX_HEADERS = 50;
const headers = z
  .record(z.string(), headerValue)
  .superRefine((fields, context) => {
    // On the whole record, since a key's own schema cannot say its reason in the issue.
    const refuse = (name: string, message: string) =>
      context.addIssue({ code: "custom", message, path: [name] });
    const names = Object.keys(fields);
    if (names.length > MAX_HEADERS) {
      context.addIssue({ code: "custom", message: `must have at most ${MAX_HEADERS} headers` });
      return;
    }
    for (const name of names) {
      if (!HEADER_NAME.test(name)) refuse(name, "must be a header name");
      else if (FRAMING.test(name)) refuse(name, "is set by the probe itself");
    }
  })
  .default({});

export const HttpAssertion = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("header"), name: headerName, contains: z.string().max(1_000) }),
  z.strictObject({ kind: z.literal("body"), contains: z.string().min(1).max(1_000) }),
  z.strictObject({ kind: z.literal("bodyNot"), contains: z.string().min(1).max(1_000) }),
  z.strictObject({
    kind: z.literal("json"),
    /** Dotted path from the root; array elements by index: `checks.0.status`. */
    path: z.string().min(1).max(200),
    equals: z.union([z.string().max(1_000), z.number(), z.boolean(), z.null()]),
  }),
]);
export type HttpAssertion = z.infer<typeof HttpAssertion>;

export const HttpOptions = z.strictObject({
  timeoutMs,
  family,
  method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]).default("GET"),
  /** `auto` offers both by ALPN; plain http is always 1.1. */
  version: z.enum(["auto", "1.1", "2"]).default("auto"),
  headers,
  body: z.string().max(65_536).nullable().default(null),
  /** Accepted statuses; empty accepts 200–299. */
  expectedStatuses: z.array(Status).max(50).default([]),
  assertions: z.array(HttpAssertion).max(20).default([]),
  maxRedirects: z.number().int().min(0).max(20).default(5),
  /** A body beyond this many bytes ends the probe as `http_body_too_large`. */
  maxBodyBytes: z.number().int().min(0).max(10_485_760).default(1_048_576),
  /** False accepts any certificate. */
  verifyTls: z.boolean().default(true),
});

export const WebSocketOptions = z.strictObject({
  timeoutMs,
  family,
  headers,
  /** Asked for in the opening handshake; a server that does not choose it has missed. */
  subprotocol: z
    .string()
    .regex(HEADER_NAME, "must be a name without blanks, such as mqtt")
    .nullable()
    .default(null),
  /** Text sent once the connection is open; null sends none. */
  message: z.string().min(1).max(65_536).nullable().default(null),
  /**
   * A message of the server must have this text in it; others are passed over until the timeout. Null accepts the first
   * message where one was sent, and where none was, the answer to a ping.
   */
  expected: z.string().min(1).max(1_000).nullable().default(null),
  /** False accepts any certificate. */
  verifyTls: z.boolean().default(true),
});

export const DnsRecordType = z.enum([
  "A",
  "AAAA",
  "CAA",
  "CNAME",
  "DNSKEY",
  "DS",
  "HTTPS",
  "MX",
  "NAPTR",
  "NS",
  "PTR",
  "SOA",
  "SRV",
  "SVCB",
  "TLSA",
  "TXT",
  "ANY",
]);

export const DnsOptions = z.strictObject({
  timeoutMs,
  family,
  recordType: DnsRecordType.default("A"),
  transport: z.enum(["udp", "tcp"]).default("udp"),
  recursionDesired: z.boolean().default(true),
  expectedRcode: z
    .enum(["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"])
    .default("NOERROR"),
  /** Every string must equal one answer in its presentation form (`10 mail.example.org` for MX); empty accepts any answer. */
  expectedAnswers: z.array(z.string().min(1).max(1_000)).max(50).default([]),
});

export const TlsOptions = z.strictObject({
  timeoutMs,
  family,
  /** Name sent and checked; null takes the target's host. */
  serverName: z
    .string()
    .refine((name) => canonicalHost(name) !== null, "must be a host name or an IP address")
    .nullable()
    .default(null),
  verify: z.boolean().default(true),
  /** Fewer days left than this is `tls_expires_soon`. */
  minDaysLeft: z.number().int().min(0).max(3_650).default(0),
});

export const LatencyApiOptions = z.strictObject({
  timeoutMs,
  /** The measuring service; null takes LATENCY_API_URL. */
  url: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .refine((url) => !/^[^/]*\/\/[^/?#]*@/.test(url), "must not contain a user name or password")
    .nullable()
    .default(null),
});

export const HeartbeatOptions = z.strictObject({
  /** As every type has it; what a heartbeat waits for is only our own database. */
  timeoutMs,
  /** How much later than a cadence after the last one a beat may come. */
  graceSeconds: z.number().min(0).max(604_800, "must be at most 604800 seconds (a week)").default(30),
});

export const optionsByType = {
  icmp: IcmpOptions,
  tcp: TcpOptions,
  udp: UdpOptions,
  http: HttpOptions,
  websocket: WebSocketOptions,
  dns: DnsOptions,
  tls: TlsOptions,
  latency_api: LatencyApiOptions,
  heartbeat: HeartbeatOptions,
} as const satisfies Record<JobType, z.ZodType>;

export type OptionsOf<Type extends JobType> = z.infer<(typeof optionsByType)[Type]>;
export type JobOptions = { [Type in JobType]: OptionsOf<Type> }[JobType];

/** What `POST /api/probes/test` and each line of `nightbell check --json` report. */
export const ProbeResult = z.object({
  status: SampleStatus,
  rttMs: z.number().nullable(),
  errorCode: ErrorCode.nullable(),
  error: z.string().nullable(),
  phases: Phases.nullable(),
  address: z.string().nullable(),
});
export type ProbeResult = z.infer<typeof ProbeResult>;
