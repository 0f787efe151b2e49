import {
  JobRecentList,
  RecentQuery,
  RollupPage,
  RollupsQuery,
  SamplePage,
  SamplesQuery,
  Series,
  SeriesQuery,
  Summary,
  WindowQuery,
} from "@nightbell/contract";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { type Clock, systemClock } from "../../platform/clock.js";
import type { DatabaseHandle } from "../../platform/db.js";
import type { App } from "../../platform/http/app.js";
import { readWholeSummary } from "./completed-summary.js";
import { readPage } from "./page.js";
import { readRecent } from "./recent.js";
import { readRollupPage } from "./rollups/page.js";
import { findSampledJob, findSampledJobs } from "./sampled-job.js";
import { readSeries } from "./series.js";
import { readSummary } from "./summary.js";

export interface SampleRouteOptions {
  readonly database: DatabaseHandle;
  readonly clock?: Clock;
}

const tags = ["samples"];
const params = z.object({ id: z.uuid() });

export async function samplesRoutes(
  app: App,
  { database, clock = systemClock }: SampleRouteOptions,
): Promise<void> {
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
          "At most `points` points that keep every spike, loss and gap. A window of more than 200,000 samples, or " +
          "of more than 20,000 in at least 21 hours, is told by rollups, whose percentiles are within 1 %.",
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
