import {
  JobRecentList,
  RecentQuery,
  RollupPage,
  RollupsQuery,
  SamplePage,
  SamplesQuery,
  Series,
  SeriesQuery,
  StreamEvent,
  StreamQuery,
  Summary,
  WindowQuery,
} from "@nightbell/contract";
import type { FastifyRequest } from "fastify";
import type { Registry } from "prom-client";
import { z } from "zod";
import type { Config } from "../../config/config.js";
import { type Clock, systemClock } from "../../platform/clock.js";
import { Bus } from "../../platform/bus.js";
import type { DatabaseHandle } from "../../platform/db.js";
import { type Authenticate, sessionToken } from "../../platform/http/access.js";
import { warnOfFileLimit } from "../../platform/file-limit.js";
import type { App } from "../../platform/http/app.js";
import type { Logger } from "../../platform/log.js";
import { SseServer } from "../../platform/sse.js";
import { follow } from "./follow.js";
import { readWholeSummary } from "./completed-summary.js";
import { LiveSamples } from "./live.js";
import { readPage } from "./page.js";
import { readRecent } from "./recent.js";
import { readRollupPage } from "./rollups/page.js";
import { findSampledJob, findSampledJobs } from "./sampled-job.js";
import { readSeries } from "./series.js";
import { readSummary } from "./summary.js";

export interface SampleRouteOptions {
  readonly database: DatabaseHandle;
  readonly config: Pick<Config, "SSE_MAX_CONNECTIONS">;
  readonly log: Logger;
  readonly registry: Registry;
  /** Asked again while a stream is open, so that it ends with its session. */
  readonly authenticate: Authenticate;
  readonly clock?: Clock;
}

const tags = ["samples"];
const params = z.object({ id: z.uuid() });

export async function samplesRoutes(app: App, options: SampleRouteOptions): Promise<void> {
  addReads(app, options);
  addStream(app, options);
}

function addReads(app: App, { database, clock = systemClock }: SampleRouteOptions): void {
  const jobOf = ({ account, params: { id } }: FastifyRequest<{ Params: { id: string } }>) =>
    findSampledJob(database, account.organisationId, id);

  app.get(
    "/api/jobs/recent",
    {
      schema: {
        tags,
        summary: "The last samples of some jobs",
        description: "For sparklines: at most 30 points each. Jobs that do not exist are left out.",
        querystring: RecentQuery,
        response: { 200: JobRecentList },
      },
    },
    async (request) => {
      const jobs = await findSampledJobs(database, request.account.organisationId, request.query.ids);
      return { data: await readRecent(database, jobs, clock.now()) };
    },
  );

  app.get(
    "/api/jobs/:id/samples",
    {
      schema: {
        tags,
        summary: "Samples of a job, newest first",
        description:
          "`totalItems` is what the job's grid expects, an estimate. A page that ends in a long gap may hold " +
          "fewer samples than `limit`, even none; the list has ended only when `nextCursor` is null.",
        params,
        querystring: SamplesQuery,
        response: { 200: SamplePage },
      },
    },
    async (request) => readPage(database, await jobOf(request), request.query, clock.now()),
  );

  app.get(
    "/api/jobs/:id/rollups",
    {
      schema: {
        tags,
        summary: "Rollups of a job, newest first",
        description:
          "What its samples amount to in buckets of 5 minutes, an hour or a day (UTC). A bucket appears a few minutes " +
          "after its hour (that of `1d`, its day) is over, and all of them when the job has ended; samples that come " +
          "later correct it. `totalItems` is what the job's grid expects, an estimate.",
        params,
        querystring: RollupsQuery,
        response: { 200: RollupPage },
      },
    },
    async (request) => readRollupPage(database, await jobOf(request), request.query, clock.now()),
  );

  app.get(
    "/api/jobs/:id/series",
    {
      schema: {
        tags,
        summary: "Samples of a job as a chart draws them",
        description:
          "At most `points` points that keep every spike, loss and gap. A window of more than 200,000 samples is " +
          "told by rollups, whose percentiles are within 1 %.",
        params,
        querystring: SeriesQuery,
        response: { 200: Series },
      },
    },
    async (request) => readSeries(database, await jobOf(request), request.query, clock.now()),
  );

  app.get(
    "/api/jobs/:id/summary",
    {
      schema: {
        tags,
        summary: "Statistics of a job",
        description:
          "Of the whole job, or of a window. RTTs are of successes. Of more than 20,000 samples, percentiles come from " +
          "rollups and are within 1 %.",
        params,
        querystring: WindowQuery,
        response: { 200: Summary },
      },
    },
    async (request) => {
      const { from, to } = request.query;
      const job = await jobOf(request);
      const isWhole = from === undefined && to === undefined;
      return (isWhole ? readWholeSummary : readSummary)(database, job, request.query, clock.now());
    },
  );
}

function addStream(app: App, options: SampleRouteOptions): void {
  const { database, log, registry, clock = systemClock } = options;
  const sse = new SseServer({ maxConnections: options.config.SSE_MAX_CONNECTIONS, log, registry });
  const bus = new Bus(database.url, log);
  const live = new LiveSamples({ database, clock, log, bus });
  app.addHook("onReady", () => {
    warnOfFileLimit(options.config.SSE_MAX_CONNECTIONS, log);
    bus.start();
  });
  // Streams never end by themselves: the server could not close.
  app.addHook("preClose", async () => sse.close());
  app.addHook("onClose", async () => {
    live.close();
    await bus.close();
  });

  app.get(
    "/api/stream",
    {
      exposeHeadRoute: false,
      config: { isUncounted: true, errors: ["not_found", "too_many_streams", "rate_limited"] },
      schema: {
        tags,
        summary: "Samples and changes of jobs as they happen",
        description:
          "Server-sent events (text/event-stream) whose data is a `StreamEvent`. It begins with the samples of the " +
          "last seconds, or after the event of the `Last-Event-ID` header; a sample may come twice. It ends when the " +
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
      const jobIds = [
        ...new Set(request.query.topics.map((topic) => topic.slice("job:".length).toLowerCase())),
      ];
      const topics = await live.hold(request.account.organisationId, jobIds);
      try {
        const client = sse.open(request, reply, {
          accountId: request.account.userId,
          isAllowed: stillAllowed(request, options.authenticate),
        });
        client.onClose(() => {
          for (const topic of topics) topic.clients.delete(client);
          live.release(topics);
        });
        follow(live, client, topics, request.headers["last-event-id"]?.toString(), clock.now()).catch(
          (error: unknown) => {
            log.warn({ err: error }, "a stream could not be brought up to date; it is cut off and resumes");
            client.close();
          },
        );
      } catch (error) {
        live.release(topics);
        throw error;
      }
      return reply;
    },
  );
}

/** Asks whether the session that opened the stream is still valid. It keeps the token, not the whole request. */
function stillAllowed(request: FastifyRequest, authenticate: Authenticate): () => Promise<boolean> {
  const token = sessionToken(request);
  const { organisationId } = request.account;
  return async () => token !== null && (await authenticate(token))?.organisationId === organisationId;
}
