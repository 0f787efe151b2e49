// Where targets report in, and where people get the address for it.
import {
  BeatBody,
  BeatQuery,
  BeatReceipt,
  Heartbeat,
  HeartbeatToken,
  type JobStatus,
} from "@nightbell/contract";
import { z } from "zod";
import type { Db } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import type { App } from "../../platform/http/app.js";
import { PUBLIC_BODY_LIMIT_BYTES } from "../../platform/http/body.js";
import { findJob } from "../jobs/index.js";
import { type NewBeat, readHeartbeats, recordBeat, setToken } from "./queries.js";
import { hashOf, newToken, TOKEN } from "./token.js";

const tags = ["heartbeats"];
const jobParams = z.object({ id: z.uuid() });
const tokenParams = z.object({ token: z.string().regex(TOKEN) });

const kinds = [
  { kind: "ok", suffix: "", summary: "Report that a job's target is well" },
  { kind: "fail", suffix: "/fail", summary: "Report that a job's target has failed" },
] as const;

export async function heartbeatRoutes(app: App, { db }: { db: Db }): Promise<void> {
  const take = async (token: string, beat: NewBeat): Promise<BeatReceipt> => {
    const receipt = await recordBeat(db, hashOf(token), beat);
    if (receipt === undefined) {
      throw new NightbellError("not_found", "No heartbeat has this address; its job's page makes a new one.");
    }
    return { receivedAt: receipt.receivedAt.toISOString(), jobStatus: receipt.jobStatus satisfies JobStatus };
  };

  for (const { kind, suffix, summary } of kinds) {
    const url = `/api/heartbeats/:token${suffix}`;
    const config = { access: "public", hasSecretPath: true, errors: ["database_unavailable"] } as const;
    const schema = {
      tags,
      summary,
      params: tokenParams,
      querystring: BeatQuery,
      response: { 200: BeatReceipt },
    };
    app.get(url, { config, schema: { ...schema, summary: `${summary}, by GET` } }, async (request) =>
      take(request.params.token, beatOf(kind, request.query)),
    );
    app.post(
      url,
      { bodyLimit: PUBLIC_BODY_LIMIT_BYTES, config, schema: { ...schema, body: BeatBody } },
      async (request) =>
        take(request.params.token, beatOf(kind, { ...request.body, ...given(request.query) })),
    );
  }

  app.get(
    "/api/jobs/:id/heartbeat",
    {
      schema: {
        tags,
        summary: "Read a heartbeat job's last beat",
        params: jobParams,
        response: { 200: Heartbeat },
      },
    },
    async (request) => {
      const jobNo = await heartbeatJob(db, request.account.organisationId, request.params.id);
      const [row] = await readHeartbeats(db, [jobNo]);
      return {
        tokenCreatedAt: row?.tokenCreatedAt.toISOString() ?? null,
        lastBeat:
          row === undefined || row.lastAt === null || row.kind === null
            ? null
            : {
                at: row.lastAt.toISOString(),
                kind: row.kind,
                durationMs: row.durationMs,
                message: row.message,
              },
      };
    },
  );

  app.post(
    "/api/jobs/:id/heartbeat-token",
    {
      config: { access: "responder" },
      schema: {
        tags,
        summary: "Make a heartbeat job's address",
        description: "It is shown this once. An earlier address of the job ends at the same time.",
        params: jobParams,
        response: { 201: HeartbeatToken },
      },
    },
    async (request, reply) => {
      const jobNo = await heartbeatJob(db, request.account.organisationId, request.params.id);
      const token = newToken();
      await setToken(db, jobNo, hashOf(token));
      return reply.code(201).send({ token, path: `/api/heartbeats/${token}` });
    },
  );
}

/** Throws `not_found` for jobs of other organisations, and of other types. */
async function heartbeatJob(db: Db, organisationId: string, id: string): Promise<number> {
  const job = await findJob(db, organisationId, id);
  if (job.type !== "heartbeat") {
    throw new NightbellError("not_found", "This job is no heartbeat: Nightbell asks its target by itself.");
  }
  return job.job_no;
}

function beatOf(kind: NewBeat["kind"], { durationMs, message }: BeatQuery): NewBeat {
  return { kind, durationMs: durationMs ?? null, message: message || null };
}

/** The fields that have a value. */
function given(query: BeatQuery): BeatQuery {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
}
