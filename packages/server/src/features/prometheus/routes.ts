// GET /probe: one probe for each scrape, as Prometheus asks blackbox_exporter for it.
import type { FastifyRequest } from "fastify";
import { Registry } from "prom-client";
import { z } from "zod";
import { AccountShares } from "../../platform/account-shares.js";
import { NightbellError } from "../../platform/errors.js";
import { abortedWith } from "../../platform/http/aborted.js";
import type { App } from "../../platform/http/app.js";
import { invalid } from "../../platform/http/validation.js";
import { METRICS_CONTENT_TYPE } from "../../platform/metrics.js";
import type { OneShotProber, ProbeNotes } from "../probing/index.js";
import { moduleNames, readProbe, timeoutOf } from "./modules.js";
import { addProbeMetrics } from "./probe-metrics.js";

/** Probes under way at once: a thousand targets that are down hold their places for a whole timeout of each scrape. */
const CONCURRENCY = 1_000;
const CONCURRENCY_PER_ACCOUNT = 500;

const ProbeQuery = z.strictObject({
  target: z.string().trim().min(1).max(2_000),
  module: z.enum(moduleNames).default("http_2xx"),
});
const ScrapeHeaders = z.looseObject({
  "x-prometheus-scrape-timeout-seconds": z.string().max(20).optional(),
});

export async function probeRoutes(app: App, { probe }: Pick<OneShotProber, "probe">): Promise<void> {
  const shares = new AccountShares({
    concurrency: CONCURRENCY,
    perAccount: CONCURRENCY_PER_ACCOUNT,
    refusals: {
      tooMany: "Too many probes are under way here; scrape less often, or make jobs of the targets.",
      tooManyOfYours: `You have ${CONCURRENCY_PER_ACCOUNT} probes under way; scrape less often, or make jobs of the targets.`,
    },
  });

  app.get(
    "/probe",
    {
      config: { access: "responder", errors: ["not_measured"] },
      schema: {
        tags: ["probes"],
        summary: "Probe a target once, for Prometheus",
        description:
          "Answers as blackbox_exporter does. Needs a bearer token; a session cookie is not enough. A probe that " +
          "fails on our side is an error, so that the scrape fails and `probe_success` never says it of the target.",
        querystring: ProbeQuery,
        headers: ScrapeHeaders,
        response: {
          200: {
            description: "The text format of Prometheus",
            content: { "text/plain": { schema: z.string() } },
          },
        },
      },
    },
    async (request, reply) => {
      refuseCookies(request);
      const { target, module } = request.query;
      const timeoutMs = timeoutOf(request.headers["x-prometheus-scrape-timeout-seconds"]);
      const asked = readProbe(module, target, timeoutMs);
      if ("wrong" in asked) throw invalid([{ path: "target", message: asked.wrong }]);
      const notes: ProbeNotes = {};
      const startedAt = performance.now();
      const outcome = await shares.run(request.account.userId, () =>
        probe(asked.type, asked.target, asked.options, abortedWith(reply), { notes }),
      );
      if (outcome.status === "system_error") {
        throw new NightbellError("not_measured", `${outcome.errorCode}: ${outcome.error}.`);
      }
      const registry = new Registry();
      addProbeMetrics(registry, {
        type: asked.type,
        outcome,
        notes,
        durationMs: performance.now() - startedAt,
      });
      return reply.type(METRICS_CONTENT_TYPE).send(await registry.metrics());
    },
  );
}

/** A GET that sends something: a link on another site must not make a browser that is logged in here do so. */
function refuseCookies(request: FastifyRequest): void {
  if (request.headers.authorization !== undefined) return;
  throw new NightbellError(
    "unauthenticated",
    "Send the token as Authorization: Bearer; a cookie is not enough here.",
  );
}
