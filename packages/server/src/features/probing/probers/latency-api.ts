/**
 * latency_api: another service pings, and we ask it over HTTP (M2). The protocol:
 *
 *   POST {url}/ping   {"target": "192.0.2.10", "timeoutMs": 4750}
 *   200               {"status": "success", "rttMs": 12.345}
 *   200               {"status": "timeout", "rttMs": null, "error": "no echo reply"}
 *
 * `status` is `success` (with `rttMs`), `error` (the service itself failed), or a word for what the target did:
 * `timeout`, `unreachable`, … `timeoutMs` is a little less than the probe's own, so that the service can still say
 * `timeout`. A service that does not answer, answers another status or not this JSON is our failure, not the target's.
 */
import { isIP } from "node:net";
import { canonicalHost, type OptionsOf } from "@nightbell/contract";
import { Client } from "undici";
import { z } from "zod";
import { addressDenial } from "../address-rules.js";
import { resolveHost } from "../address.js";
import type { Prober } from "../prober.js";
import { type Attempt, attempt, microseconds, ProbeFailure } from "./attempt.js";
import type { NameServers } from "./connection.js";
import { targetOf } from "./target.js";

const Pong = z.object({
  status: z.string().min(1).max(50),
  rttMs: z.number().min(0).max(3_600_000).nullish(),
  error: z.string().nullish(),
});

const MAX_ANSWER_BYTES = 65_536;
/** What the service has less than the probe: a quarter of the time, at most this. */
const MAX_MARGIN_MS = 250;

export function createLatencyApiProber(
  defaultUrl: string,
  servers?: NameServers,
): Prober<OptionsOf<"latency_api">> {
  return {
    type: "latency_api",
    probe: ({ target, options }, signal) =>
      attempt(options.timeoutMs, signal, async (current) => {
        const { host } = targetOf("latency_api", target);
        const denial = isIP(host) === 0 ? null : addressDenial(host);
        if (denial !== null) throw new ProbeFailure("address_denied", denial);
        const service = new URL(options.url ?? defaultUrl);
        const { status, rttMs, error } = readPong(await ping(current, service, host, servers));
        if (status === "success") {
          if (rttMs === null || rttMs === undefined) throw malformed("success without rttMs");
          return microseconds(rttMs);
        }
        const words = error ? `${status}: ${error}` : status;
        throw status === "error"
          ? unavailable(`failed (${words})`)
          : new ProbeFailure("latency_api_miss", `${host} did not answer the latency service (${words})`);
      }),
  };
}

/** Asks the service over a connection of its own and returns what it said. Throws ProbeFailure. */
async function ping(current: Attempt, service: URL, host: string, servers: NameServers): Promise<string> {
  current.awaitsOurs("latency_api_unavailable", `the latency service at ${service.host}`);
  const { timeoutMs, signal } = current;
  const name = canonicalHost(service.hostname) ?? service.hostname;
  const resolved = await resolveHost(name, "auto", { timeoutMs, signal, servers });
  if (!resolved.ok) throw unavailable(`cannot be reached: ${resolved.error}`);
  const client = new Client(service.origin, {
    pipelining: 0,
    // The address that was checked is the one connected to.
    connect: {
      lookup: (_, __, done) => done(null, [{ address: resolved.address, family: resolved.family }]),
    },
  });
  current.hold(() => void client.destroy().catch(() => undefined));
  try {
    const answer = await client.request({
      method: "POST",
      path: `${service.pathname.replace(/\/$/, "")}/ping${service.search}`,
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({
        target: host,
        timeoutMs: timeoutMs - Math.min(MAX_MARGIN_MS, Math.floor(timeoutMs / 4)),
      }),
    });
    if (answer.statusCode !== 200) throw unavailable(`answered ${answer.statusCode}`);
    let text = "";
    for await (const chunk of answer.body.setEncoding("utf8")) {
      text += String(chunk);
      if (text.length > MAX_ANSWER_BYTES) throw malformed(`more than ${MAX_ANSWER_BYTES} bytes`);
    }
    return text;
  } catch (error) {
    if (error instanceof ProbeFailure) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw unavailable(
      code === "ECONNREFUSED" ? "refused the connection" : `cannot be reached (${code ?? message})`,
    );
  }
}

function readPong(text: string): z.infer<typeof Pong> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw malformed("what is not JSON");
  }
  const pong = Pong.safeParse(json);
  if (pong.success) return pong.data;
  const [issue] = pong.error.issues;
  throw malformed(`${issue?.path.join(".") || "an answer"}: ${issue?.message}`);
}

function unavailable(what: string): ProbeFailure {
  return new ProbeFailure("latency_api_unavailable", `the latency service ${what}`);
}

function malformed(what: string): ProbeFailure {
  return new ProbeFailure("latency_api_malformed", `the latency service sent ${what}`);
}
