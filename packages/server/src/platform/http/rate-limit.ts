// Requests a second from one address (P7).
import type { FastifyInstance } from "fastify";
import ipaddr from "ipaddr.js";
import type { Clock } from "../clock.js";
import { NightbellError } from "../errors.js";
import { type LimitResult, RateLimiter } from "../limits.js";
import { isAnonymous } from "./access.js";
import { asNightbellError } from "./problems.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Streams and the probes of an orchestrator are never counted; a stream that is refused is. */
    isUncounted?: boolean;
  }
}

/** Every answer carries what is left (draft-ietf-httpapi-ratelimit-headers-06); a refusal adds Retry-After. */
export function addRateLimit(app: FastifyInstance, requestsPerSecond: number, clock: Clock): void {
  const limit = { count: requestsPerSecond, perMs: 1_000 };
  const requests = new RateLimiter(limit, clock);
  /** Of uncounted routes; apart from the rest, so that streams open whatever else an address asks for. */
  const refusals = new RateLimiter(limit, clock);

  app.addHook("onRequest", async (request, reply) => {
    const { isUncounted, access } = request.routeOptions.config;
    if (isUncounted === true) {
      // Before anything is looked up for it. What is public has nothing to guess and must answer whoever watches us.
      const result = refusals.peek(addressKey(request.ip));
      if (access !== "public" && !isAnonymous(request) && !result.allowed)
        throw tooMany(requestsPerSecond, result);
      return;
    }
    const result = requests.consume(addressKey(request.ip));
    void reply.headers({
      "ratelimit-limit": requestsPerSecond,
      "ratelimit-remaining": result.remaining,
      "ratelimit-reset": Math.ceil(result.resetMs / 1_000),
      "ratelimit-policy": `${requestsPerSecond};w=1`,
    });
    if (!result.allowed) throw tooMany(requestsPerSecond, result);
  });

  app.addHook("onError", async (request, _reply, error) => {
    if (request.routeOptions.config.isUncounted !== true) return;
    if (asNightbellError(error).status < 500) refusals.consume(addressKey(request.ip));
  });
}

function tooMany(requestsPerSecond: number, { retryAfterMs }: LimitResult): NightbellError {
  return new NightbellError(
    "rate_limited",
    `More than ${requestsPerSecond} requests a second came from your address; slow down.`,
    { retryAfterSeconds: Math.ceil(retryAfterMs / 1_000) },
  );
}

/** One key per IPv4 address and per IPv6 /64, which is what one customer of a provider is given. */
export function addressKey(ip: string): string {
  if (!ipaddr.isValid(ip)) return ip;
  const address = ipaddr.process(ip);
  if (address instanceof ipaddr.IPv6) return address.parts.slice(0, 4).join(":");
  return address.toString();
}
