import type { FastifyReply } from "fastify";

/** Aborts when the client goes away before it has its answer. */
export function abortedWith(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => controller.abort());
  return controller.signal;
}
