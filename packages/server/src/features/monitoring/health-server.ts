// /health, /ready and /metrics for a process that does not play the API.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Registry } from "prom-client";
import {
  addProcessMetrics,
  exposition,
  METRICS_CONTENT_TYPE,
  type MetricsJson,
} from "../../platform/metrics.js";

export interface HealthServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Why the process does not do its work, in a sentence; null when it does. */
  readonly notReady: () => string | null;
  /** By which the metrics of this process are told from those of others. */
  readonly role: string;
  /** Of the roles that run here; those of this process are added. */
  readonly metrics: () => Promise<MetricsJson[]>;
}

export interface RunningHealthServer {
  readonly port: number;
  stop(deadlineMs: number): Promise<void>;
}

/** Rejects when nothing can listen at the address. */
export async function startHealthServer(options: HealthServerOptions): Promise<RunningHealthServer> {
  const registry = new Registry();
  addProcessMetrics(registry, options.role);
  const answers: Record<string, (response: ServerResponse) => Promise<void> | void> = {
    "/health": (response) => sendJson(response, 200, { status: "ok" }),
    "/ready": (response) => {
      const reason = options.notReady();
      sendJson(response, reason === null ? 200 : 503, { status: reason ?? "ok" });
    },
    "/metrics": async (response) => {
      const given = await options.metrics();
      const text = await exposition([await registry.getMetricsAsJSON(), ...given]);
      response.writeHead(200, { "content-type": METRICS_CONTENT_TYPE }).end(text);
    },
  };

  const server = createServer((request, response) => {
    const [path = ""] = (request.url ?? "").split("?");
    const answer = request.method === "GET" || request.method === "HEAD" ? answers[path] : undefined;
    if (answer === undefined) {
      sendJson(response, 404, { status: "here are only /health, /ready and /metrics" });
      return;
    }
    Promise.resolve(answer(response)).catch((error: Error) =>
      sendJson(response, 500, { status: error.message }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
