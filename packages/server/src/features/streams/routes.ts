// `GET /api/stream`: everything that is pushed, over one connection.
import { StreamEvent, StreamQuery } from "@nightbell/contract";
import type { FastifyRequest } from "fastify";
import type { Registry } from "prom-client";
import type { Config } from "../../config/config.js";
import { Bus } from "../../platform/bus.js";
import { type Clock, systemClock } from "../../platform/clock.js";
import type { DatabaseHandle } from "../../platform/db.js";
import { warnOfFileLimit } from "../../platform/file-limit.js";
import { type Account, type Authenticate, sessionToken } from "../../platform/http/access.js";
import type { App } from "../../platform/http/app.js";
import type { Logger } from "../../platform/log.js";
import { SseServer } from "../../platform/sse.js";
import { follow } from "../../platform/stream/follow.js";
import { EventSequence, type HeldTopic } from "../../platform/stream/topic.js";
import { LiveAlerts } from "../alerts/index.js";
import { LiveSamples } from "../samples/index.js";

export interface StreamRouteOptions {
  readonly database: DatabaseHandle;
  readonly config: Pick<Config, "SSE_MAX_CONNECTIONS">;
  readonly log: Logger;
  readonly registry: Registry;
  /** Asked again while a stream is open, so that it ends with its session. */
  readonly authenticate: Authenticate;
  readonly clock?: Clock;
}

export async function streamRoutes(app: App, options: StreamRouteOptions): Promise<void> {
  const { database, log, registry, clock = systemClock } = options;
  const sse = new SseServer({ maxConnections: options.config.SSE_MAX_CONNECTIONS, log, registry });
  const bus = new Bus(database.url, log);
  const sequence = new EventSequence();
  const samples = new LiveSamples({ database, clock, log, bus, sequence });
  const alerts = new LiveAlerts({ database, clock, log, bus, sequence });
  app.addHook("onReady", () => {
    warnOfFileLimit(options.config.SSE_MAX_CONNECTIONS, log);
    bus.start();
  });
  // Streams never end by themselves: the server could not close.
  app.addHook("preClose", async () => sse.close());
  app.addHook("onClose", async () => {
    samples.close();
    alerts.close();
    await bus.close();
  });

  /** Throws `not_found` when a topic is not the organisation's. */
  const hold = async (account: Account, names: readonly string[]): Promise<HeldTopic[]> => {
    const jobIds = new Set(names.flatMap((name) => /^job:(.*)/i.exec(name)?.[1]?.toLowerCase() ?? []));
    const topics = jobIds.size === 0 ? [] : await samples.hold(account, [...jobIds]);
    if (names.some((name) => name.toLowerCase() === "alerts"))
      topics.push(alerts.hold(account.organisationId));
    return topics;
  };

  app.get(
    "/api/stream",
    {
      exposeHeadRoute: false,
      config: { isUncounted: true, errors: ["not_found", "too_many_streams", "rate_limited"] },
      schema: {
        tags: ["streams"],
        summary: "Samples, changes of jobs and alerts as they happen",
        description:
          "Server-sent events (text/event-stream) whose data is a `StreamEvent`. It begins with what happened in the " +
          "last seconds, or after the event of the `Last-Event-ID` header; an event may come twice. It ends when the " +
          "session does; a client that reads too slowly is cut off and resumes.",
        querystring: StreamQuery,
        response: {
          200: {
            description: "Events until one side ends the stream",
            content: { "text/event-stream": { schema: StreamEvent } },
          },
        },
      },
    },
    async (request, reply) => {
      sse.assertRoom(request.account.userId);
      const topics = await hold(request.account, request.query.topics);
      const release = () => {
        for (const topic of topics) topic.release();
      };
      try {
        const client = sse.open(request, reply, {
          accountId: request.account.userId,
          isAllowed: stillAllowed(request, options.authenticate),
        });
        client.onClose(() => {
          for (const { topic } of topics) topic.clients.delete(client);
          release();
        });
        follow(sequence, client, topics, request.headers["last-event-id"]?.toString(), clock.now()).catch(
          (error: unknown) => {
            log.warn({ err: error }, "a stream could not be brought up to date; it is cut off and resumes");
            client.close();
          },
        );
      } catch (error) {
        release();
        throw error;
      }
      return reply;
    },
  );
}

/** Asks whether the session that opened the stream is still valid, in the same role. It keeps the token, not the request. */
function stillAllowed(request: FastifyRequest, authenticate: Authenticate): () => Promise<boolean> {
  const token = sessionToken(request);
  const { organisationId, role } = request.account;
  return async () => {
    const account = token === null ? null : await authenticate(token);
    return account?.organisationId === organisationId && account.role === role;
  };
}
