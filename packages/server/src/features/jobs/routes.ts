import {
  Job,
  JobApplyBody,
  JobApplyResult,
  JobBulkBody,
  JobBulkResult,
  JobCreate,
  JobImportBody,
  JobImportResult,
  JobListQuery,
  type JobOptions,
  JobPage,
  JobPatch,
  ProbeResult,
  ProbeTestBody,
} from "@nightbell/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Config } from "../../config/config.js";
import type { Clock } from "../../platform/clock.js";
import type { Db } from "../../platform/db.js";
import type { ErrorCodeName } from "../../platform/errors.js";
import { abortedWith } from "../../platform/http/aborted.js";
import type { App } from "../../platform/http/app.js";
import { IfMatchHeaders } from "../../platform/http/if-match.js";
import { applyJobs } from "./apply.js";
import { changeJob, changeJobs } from "./change.js";
import { type CreateContext, createJob, importJobs } from "./create.js";
import { editJob } from "./edit.js";
import { findJob } from "./find.js";
import { claimOf, IdempotencyHeaders } from "./idempotency.js";
import { listJobs } from "./list.js";
import { createProbeTester, type ProbeOnce } from "./probe-test.js";
import { EDITOR, type JobRow, jobToApi } from "./row.js";
import { JobTotals } from "./totals.js";

export interface JobRouteOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly config: Pick<Config, "NODE_ENV">;
  /** Runs a probe once, for `POST /api/probes/test`. */
  readonly probe: ProbeOnce;
}

/** A thousand jobs of 4 kB each; most have less than one. */
const IMPORT_LIMIT_BYTES = 4 * 1_048_576;

const tags = ["jobs"];
const params = z.object({ id: z.uuid() });
const creationErrors: ErrorCodeName[] = ["simulation_forbidden", "idempotency_mismatch", "key_taken"];

export async function jobRoutes(app: App, { db, clock, config, probe }: JobRouteOptions): Promise<void> {
  const totals = new JobTotals(db, clock, app.log);
  const testProbe = createProbeTester(probe, clock);
  const contextOf = (request: FastifyRequest): CreateContext => ({
    db,
    account: request.account,
    allowsSimulation: config.NODE_ENV !== "production",
    now: clock.now(),
  });

  app.get(
    "/api/jobs",
    { schema: { tags, summary: "List jobs", querystring: JobListQuery, response: { 200: JobPage } } },
    async (request) => listJobs(db, totals, request.account, request.query),
  );

  app.post(
    "/api/jobs",
    {
      config: { access: EDITOR, errors: creationErrors },
      schema: {
        tags,
        summary: "Create a job",
        description: "It is pending until a poller takes it, within a second, and starts it.",
        headers: IdempotencyHeaders,
        body: JobCreate,
        response: { 201: Job },
      },
    },
    async (request, reply) => {
      const claim = claimOf(request.headers["idempotency-key"], "create", request.body);
      const row = await createJob(contextOf(request), request.body, claim);
      void reply.code(201).header("location", `/api/jobs/${row.id}`);
      return answer(row, request, reply);
    },
  );

  app.post(
    "/api/jobs/import",
    {
      bodyLimit: IMPORT_LIMIT_BYTES,
      config: { access: EDITOR, errors: creationErrors },
      schema: {
        tags,
        summary: "Create many jobs, all or none",
        headers: IdempotencyHeaders,
        body: JobImportBody,
        response: { 201: JobImportResult },
      },
    },
    async (request, reply) => {
      const claim = claimOf(request.headers["idempotency-key"], "import", request.body);
      const rows = await importJobs(contextOf(request), request.body.jobs, claim);
      return reply.code(201).send({ created: rows.map((row) => jobToApi(row, request.account.role)) });
    },
  );

  app.post(
    "/api/jobs/apply",
    {
      bodyLimit: IMPORT_LIMIT_BYTES,
      config: { access: EDITOR, errors: ["version_conflict", "simulation_forbidden", "key_taken"] },
      schema: {
        tags,
        summary: "Make a set of jobs as described, all or nothing",
        description:
          "Each job is as for creating one, with a `key`: a job that has it is edited where it differs, otherwise one is " +
          "made. Repeated, it changes nothing. Only jobs that the same set made are ever deleted, and only with `prune`. " +
          "With `dryRun` it answers what it would do.",
        body: JobApplyBody,
        response: { 200: JobApplyResult },
      },
    },
    async (request) => applyJobs(contextOf(request), request.body),
  );

  app.post(
    "/api/jobs/bulk",
    {
      config: { access: EDITOR },
      schema: {
        tags,
        summary: "Pause, resume, cancel or delete many jobs",
        description: "Each job succeeds or fails by itself.",
        body: JobBulkBody,
        response: { 200: JobBulkResult },
      },
    },
    async (request) => {
      const { ids, action } = request.body;
      const result = await changeJobs(db, request.account.organisationId, ids, action, clock.now());
      return {
        succeeded: result.succeeded,
        failed: result.failed.map(({ id, error }) => ({ id, code: error.code, message: error.message })),
      };
    },
  );

  app.get(
    "/api/jobs/:id",
    {
      schema: {
        tags,
        summary: "Read a job",
        description:
          "Of what its probe sends (values of headers, body, message, payload, and the address of a latency service), " +
          "roles that may not edit it read `(hidden)`, here and in every other answer.",
        params,
        response: { 200: Job },
      },
    },
    async (request, reply) =>
      answer(await findJob(db, request.account.organisationId, request.params.id), request, reply),
  );

  app.patch(
    "/api/jobs/:id",
    {
      config: {
        access: EDITOR,
        errors: ["version_conflict", "invalid_transition", "simulation_forbidden", "key_taken"],
      },
      schema: {
        tags,
        summary: "Edit a job",
        description: "Fields left out stay as they are; `options` are replaced as a whole.",
        params,
        headers: IfMatchHeaders,
        body: JobPatch,
        response: { 200: Job },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const row = await editJob(contextOf(request), id, request.body, request.headers["if-match"]);
      return answer(row, request, reply);
    },
  );

  app.delete(
    "/api/jobs/:id",
    {
      config: { access: EDITOR },
      schema: { tags, summary: "Delete a job", params, response: { 204: z.undefined() } },
    },
    async (request, reply) => {
      await changeJob(db, request.account.organisationId, request.params.id, "delete", clock.now());
      return reply.code(204).send();
    },
  );

  for (const [action, summary] of [
    ["pause", "Pause a running job"],
    ["resume", "Resume a paused job"],
    ["cancel", "Cancel a job for good"],
  ] as const) {
    app.post(
      `/api/jobs/:id/${action}`,
      {
        config: { access: EDITOR, errors: ["invalid_transition"] },
        schema: { tags, summary, params, response: { 200: Job } },
      },
      async (request, reply) => {
        const { organisationId } = request.account;
        await changeJob(db, organisationId, request.params.id, action, clock.now());
        return answer(await findJob(db, organisationId, request.params.id), request, reply);
      },
    );
  }

  app.post(
    "/api/probes/test",
    {
      config: { access: EDITOR },
      schema: {
        tags: ["probes"],
        summary: "Run a probe once",
        description: "Answers with what the probe found; a target that is down is an answer, not an error.",
        body: ProbeTestBody,
        response: { 200: ProbeResult },
      },
    },
    async (request, reply) => {
      const { type, target } = request.body;
      // The body's schema has checked them against the type.
      const options = request.body.options as JobOptions;
      return testProbe(request.account.userId, { type, target, options }, abortedWith(reply));
    },
  );
}

function answer(row: JobRow, { account }: Pick<FastifyRequest, "account">, reply: FastifyReply): Job {
  void reply.header("etag", `"${row.version}"`);
  return jobToApi(row, account.role);
}
