// The HTTP server: what every route is given without asking for it. Features register their routes on it as plugins.
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import compress from "@fastify/compress";
import cookie from "@fastify/cookie";
import helmet from "@fastify/helmet";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  LogController,
  type RawServerDefault,
} from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { Config } from "../../config/config.js";
import { type Clock, systemClock } from "../clock.js";
import { NightbellError } from "../errors.js";
import type { Logger } from "../log.js";
import { workspaceRoot } from "../paths.js";
import { version } from "../version.js";
import { type Authenticate, addAccessControl } from "./access.js";
import { addBodyParser, BODY_LIMIT_BYTES } from "./body.js";
import { addNotFound, recordRoutes } from "./not-found.js";
import { addOpenApi } from "./openapi.js";
import { PROBLEM_CONTENT_TYPE, problemOf, sendProblem } from "./problems.js";
import { addRateLimit } from "./rate-limit.js";
import { addValidation } from "./validation.js";
import { addWebApp } from "./web.js";

/** What a feature's routes are registered on; `schema` takes zod and types the handler. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export interface AppOptions {
  readonly config: Pick<Config, "RATE_LIMIT_PER_SECOND" | "TRUST_PROXY">;
  readonly log: Logger;
  readonly authenticate: Authenticate;
  readonly clock?: Clock;
  /** Folder of the built web app. */
  readonly webRoot?: string;
}

/** A request that has not arrived after this long is given up; bodies are at most a few megabytes. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the idle timeout of the usual load balancers (60 s), so that they close first. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;

export async function buildApp(options: AppOptions): Promise<App> {
  const { config } = options;
  const log: FastifyBaseLogger = options.log;
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    trustProxy: config.TRUST_PROXY && isOwnProxy,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => sendProblem(error, request, reply),
    clientErrorHandler: refuseUnreadable,
  }).withTypeProvider<ZodTypeProvider>();

  recordRoutes(app);
  addValidation(app);
  addBodyParser(app);
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  app.addHook("onRequest", async (request, reply) => {
    void reply.header("x-request-id", request.id);
    // What the API says is said to one account: no cache on the way may keep it.
    if (request.url.startsWith("/api/")) void reply.header("cache-control", "no-store");
  });

  await app.register(helmet, securityHeaders(config.TRUST_PROXY));
  // Not brotli, which costs ten times as much for answers made anew each time; request bodies stay as they are.
  await app.register(compress, { encodings: ["gzip", "deflate"], globalDecompression: false });
  await app.register(cookie);
  addRateLimit(app, config.RATE_LIMIT_PER_SECOND, options.clock ?? systemClock);
  addAccessControl(app, options.authenticate);
  await addOpenApi(app, version);
  addNotFound(app, await addWebApp(app, options.webRoot ?? join(workspaceRoot, "packages/web/dist")));
  return app;
}

/** The port it listens on, once it does. */
export function portOf(app: App): number {
  return (app.server.address() as AddressInfo).port;
}

/**
 * The web app is files of this origin without inline scripts. Inline style attributes are allowed because
 * libraries position charts and menus with them; they cannot load anything.
 */
function securityHeaders(isBehindTls: boolean): Parameters<typeof helmet>[1] {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        "default-src": ["'self'"],
        "style-src-attr": ["'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
      },
    },
    strictTransportSecurity: isBehindTls,
    xFrameOptions: { action: "deny" },
    referrerPolicy: { policy: "same-origin" },
  };
}

/** One hop: the last entry of X-Forwarded-For is by the proxy before us; those before it are whatever a client claims. */
function isOwnProxy(_address: string, hop: number): boolean {
  return hop === 0;
}

/** Bytes that are not HTTP never reach a route; the answer has the form of every other error. */
function refuseUnreadable(this: FastifyInstance, error: Error & { code?: string }, socket: Socket) {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(
    new NightbellError("malformed_request", "This is not an HTTP request."),
    randomUUID(),
  );
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
