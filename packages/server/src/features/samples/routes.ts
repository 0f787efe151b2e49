import {
  JobRecentList,
  RecentQuery,
  SamplePage,
  SamplesQuery,
  Series,
  SeriesQuery,
  Summary,
  WindowQuery,
} from "@nightbell/contract";
import { z } from "zod";
import { type Clock, systemClock } from "../../platform/clock.js";
import type { DatabaseHandle } from "../../platform/db.js";
import type { App } from "../../platform/http/app.js";
import { readPage } from "./page.js";
import { readRecent } from "./recent.js";
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
    async (request) => {
      const job = await findSampledJob(database, request.account.organisationId, request.params.id);
      return readPage(database, job, request.query, clock.now());
    },
  );

  app.get(
    "/api/jobs/:id/series",
    {
      schema: {
        tags,
        summary: "Samples of a job as a chart draws them",
        description:
          "At most `points` points that keep every spike, loss and gap. A window of more than 200,000 samples is " +
          "answered for its newest part with so many, which `from` tells.",
        params,
        querystring: SeriesQuery,
        response: { 200: Series },
      },
    },
    async (request) => {
      const job = await findSampledJob(database, request.account.organisationId, request.params.id);
      return readSeries(database, job, request.query, clock.now());
    },
  );

  app.get(
    "/api/jobs/:id/summary",
    {
      schema: {
        tags,
        summary: "Statistics of a job",
        description:
          "Of the whole job, or of a window. RTTs are of successes. More than 200,000 samples are answered for the " +
          "newest part with so many, which `from` tells.",
        params,
        querystring: WindowQuery,
        response: { 200: Summary },
      },
    },
    async (request) => {
      const job = await findSampledJob(database, request.account.organisationId, request.params.id);
      return readSummary(database, job, request.query, clock.now());
    },
  );
}
