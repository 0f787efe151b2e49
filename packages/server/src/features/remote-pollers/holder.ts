// Of the requests of remote pollers: whose token came with one, and which jobs it is about.
import type { FastifyRequest } from "fastify";
import type { LivePart, Share } from "../pollers/index.js";
import type { TokenHolder } from "./tokens.js";

declare module "fastify" {
  interface FastifyRequest {
    /** Whose token came with the request; only on routes of remote pollers. */
    tokenHolder: TokenHolder | null;
  }
}

/** What all routes of remote pollers have in common. */
export const tags = ["remote pollers"];
export const config = { access: "poller", isUncounted: true, errors: ["rate_limited"] } as const;

export function holderOf({ tokenHolder, url }: FastifyRequest): TokenHolder {
  if (tokenHolder === null) throw new Error(`${url} has no token`);
  return tokenHolder;
}

/** Of a request whose body has the poller's buckets. */
export function shareOf(request: FastifyRequest): Share & { part: LivePart } {
  const { location, organisationId } = holderOf(request);
  const { buckets } = request.body as { buckets: string };
  return { location, organisationId, part: { mode: "live", buckets: Buffer.from(buckets, "base64") } };
}
