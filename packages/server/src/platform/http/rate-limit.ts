// Requests a second from one address (P7).
import type { FastifyInstance } from "fastify";
import ipaddr from "ipaddr.js";
import type { Clock } from "../clock.js";
import { NightbellError } from "../errors.js";
import { RateLimiter } from "../limits.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Streams and the probes of an orchestrator are never counted. */
    isUncounted?: boolean;
  }
}

/** Every answer carries what is left (draft-ietf-httpapi-ratelimit-headers-06); a refusal adds Retry-After. */
export function addRateLimit(app: FastifyInstance, requestsPerSecond: number, clock: Clock): void {
  const limiter = new RateLimiter({ count: requestsPerSecond, perMs: 1_000 }, clock);

  app.addHook("onRequest", async (request, reply) => {
    if (request.routeOptions.config.isUncounted === true) return;
    const result = limiter.consume(addressKey(request.ip));
    void reply.headers({
      "ratelimit-limit": requestsPerSecond,
      "ratelimit-remaining": result.remaining,
      "ratelimit-reset": Math.ceil(result.resetMs / 1_000),
      "ratelimit-policy": `${requestsPerSecond};w=1`,
    });
    if (!result.allowed) {
      throw new NightbellError(
        "rate_limited",
        `More than ${requestsPerSecond} requests a second came from your address; slow down.`,
        { retryAfterSeconds: Math.ceil(result.retryAfterMs / 1_000) },
      );
    }
  });
}

/** One key per IPv4 address and per IPv6 /64, which is what one customer of a provider is given. */
export function addressKey(ip: string): string {
  if (!ipaddr.isValid(ip)) return ip;
  const address = ipaddr.process(ip);
  if (address instanceof ipaddr.IPv6) return address.parts.slice(0, 4).join(":");
  return address.toString();
}
