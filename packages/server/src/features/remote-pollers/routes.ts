// What remote pollers ask of the server (M19): the same as local ones ask of the database, each call bound to the
// organisation and the location of its token.
import {
  ChangesBody,
  CompleteBody,
  FeedLine,
  GroupsBody,
  ReadJobsBody,
  REMOTE_PROTOCOL,
  RemoteBeat,
  RemoteChanges,
  RemoteDigests,
  RemoteJobs,
  RemoteOthers,
  RemoteOthersQuery,
  RemotePlace,
  RemoteRevisions,
  RemoteTime,
  ShareBody,
  ShareJobsBody,
  UploadBody,
  UploadReceipt,
} from "@nightbell/contract";
import type { Registry } from "prom-client";
import { z } from "zod";
import type { Bus } from "../../platform/bus.js";
import type { Clock } from "../../platform/clock.js";
import { type DatabaseHandle, failureLevel } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { sessionToken } from "../../platform/http/access.js";
import type { App } from "../../platform/http/app.js";
import { type LimitResult, RateLimiter } from "../../platform/limits.js";
import type { Logger } from "../../platform/log.js";
import { Paced } from "../../platform/paced.js";
import { version } from "../../platform/version.js";
import { completeJobs, startPendingJobs } from "../jobs/index.js";
import {
  bucketOf,
  hasBucket,
  knownPoller,
  notifyPollers,
  readMembers,
  removePoller,
  renew,
} from "../pollers/index.js";
import { PostgresJobs } from "../probing/index.js";
import { PostgresStore } from "../samples/index.js";
import { believable } from "./believable.js";
import { evidenceRoutes } from "./evidence-routes.js";
import { Feeds } from "./feeds.js";
import { config, holderOf, shareOf, tags } from "./holder.js";
import { jobsAt } from "./queries.js";
import { receiveUpload } from "./receive-upload.js";
import { findHolder } from "./tokens.js";
import { addUploadParsers, UPLOAD_LIMIT_BYTES, uploadPlaceOf } from "./upload-body.js";
import { UploadGate } from "./upload-gate.js";
import { type Evaluator, UploadedAlerts } from "./uploaded-alerts.js";

export interface RemotePollerRouteOptions {
  readonly database: DatabaseHandle;
  readonly evaluator: Evaluator;
  /** Not started yet. */
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
}

const pollerParams = z.object({ id: z.uuid() });

/** Of one token, in a second: a poller asks some ten times at its busiest. */
const REQUESTS_PER_SECOND = 200;
/** Of one token: each that starts may die, or be offline, and be alerted about. Those that it has may all start anew. */
const STARTS_PER_HOUR = 100;
/** Between two times that the pollers of a token make the others look; they look as often by themselves. */
const NEWS_PAUSE_MS = 500;

export async function remotePollerRoutes(app: App, options: RemotePollerRouteOptions): Promise<void> {
  const { database, evaluator, bus, clock, log, registry } = options;
  const { db } = database;
  const feeds = new Feeds({ db, bus, log, registry });
  const store = new PostgresStore(database, log);
  const alerts = new UploadedAlerts(evaluator);
  const jobs = new PostgresJobs(db, (jobNos, now) => startPendingJobs(db, jobNos, now));
  const limiter = new RateLimiter({ count: REQUESTS_PER_SECOND, perMs: 1_000 }, clock);
  const gate = new UploadGate(clock);
  const starts = new RateLimiter({ count: STARTS_PER_HOUR, perMs: 3_600_000 }, clock);
  const news = new Paced(NEWS_PAUSE_MS, (locationNo) => {
    notifyPollers(db, Number(locationNo)).catch((error: unknown) => {
      log[failureLevel(error)](
        { err: error },
        "pollers could not be told that another one changed; they look",
      );
    });
  });
  // Feeds never end by themselves: the server could not close.
  app.addHook("preClose", async () => {
    feeds.close();
    news.close();
  });
  app.addHook("onClose", async () => {
    await store.settle();
    store.close();
  });

  await app.register(async (scope) => {
    const routes = scope as App;
    routes.decorateRequest("tokenHolder", null);
    routes.addHook("onRequest", async (request) => {
      const token = sessionToken(request);
      const holder = token === null || token === "" ? null : await findHolder(db, token);
      if (holder === null) {
        throw new NightbellError(
          "unauthenticated",
          "This token of a poller is wrong or was revoked; the page Pollers makes a new one.",
        );
      }
      const { allowed, retryAfterMs } = limiter.consume(holder.id);
      if (!allowed) {
        throw new NightbellError(
          "rate_limited",
          `Pollers with this token ask more than ${REQUESTS_PER_SECOND} times a second; use several tokens.`,
          { retryAfterSeconds: Math.ceil(retryAfterMs / 1_000) },
        );
      }
      request.tokenHolder = holder;
    });

    evidenceRoutes(routes, db);

    routes.get(
      "/api/poller/place",
      {
        config,
        schema: { tags, summary: "Where the token measures from", response: { 200: RemotePlace } },
      },
      async (request) => {
        const { id: _, ...place } = holderOf(request);
        return { ...place, protocol: REMOTE_PROTOCOL, version };
      },
    );

    routes.get(
      "/api/poller/feed",
      {
        exposeHeadRoute: false,
        config: { ...config, errors: ["rate_limited", "too_many_streams"] },
        schema: {
          tags,
          summary: "What a poller is to look at now",
          description:
            "Server-sent events (text/event-stream) whose data is `{ news }`; a beat every few seconds. It ends when the " +
            "token is revoked.",
          response: {
            200: {
              description: "Events until one side ends the stream",
              content: { "text/event-stream": { schema: FeedLine } },
            },
          },
        },
      },
      async (request, reply) => {
        feeds.open(request, reply, holderOf(request));
        return reply;
      },
    );

    routes.get(
      "/api/poller/others",
      {
        config,
        schema: {
          tags,
          summary: "The other pollers of the location",
          querystring: RemoteOthersQuery,
          response: { 200: RemoteOthers },
        },
      },
      async (request) => {
        const members = await readMembers(db, holderOf(request).locationNo, request.query.except);
        return {
          pollers: members.map((member) => ({ ...member, buckets: member.buckets.toString("base64") })),
        };
      },
    );

    routes.put(
      "/api/poller/lease/:id",
      {
        config: { ...config, errors: ["rate_limited", "forbidden", "limit_reached"] },
        schema: {
          tags,
          summary: "Renew a poller's lease",
          params: pollerParams,
          body: RemoteBeat,
          response: { 200: RemoteTime },
        },
      },
      async (request) => {
        const { id: tokenId, locationNo } = holderOf(request);
        const { buckets, isNews, stats, ...beat } = request.body;
        const { id } = request.params;
        const known = await knownPoller(db, { id, tokenId });
        if (known === null) refuseStartBeyond(starts.consume(tokenId));
        const now = await renew(db, {
          ...beat,
          stats: { ...stats, references: believable(stats.references, known, clock.now()) },
          id,
          tokenId,
          locationNo,
          buckets: Buffer.from(buckets, "base64"),
          replica: null,
        });
        if (now === null)
          throw new NightbellError("forbidden", "This id is another poller's; choose a new one.");
        if (isNews) news.want(String(locationNo));
        return { now };
      },
    );

    routes.delete(
      "/api/poller/lease/:id",
      {
        config,
        schema: { tags, summary: "Leave", params: pollerParams, response: { 204: z.undefined() } },
      },
      async (request, reply) => {
        await removePoller(db, { id: request.params.id, tokenId: holderOf(request).id });
        return reply.code(204).send();
      },
    );

    routes.post(
      "/api/poller/jobs/changes",
      {
        config,
        schema: {
          tags,
          summary: "What changed about the jobs of a share",
          body: ChangesBody,
          response: { 200: RemoteChanges },
        },
      },
      async (request) => {
        const share = shareOf(request);
        const { snapshot, changes, deleted } = await jobs.changes(share, request.body.since);
        // What is not the share's (any more) is not named: it may never have been, and is none of the poller's business.
        const mayBeHeld = (jobNo: number) => hasBucket(share.part.buckets, bucketOf(jobNo));
        return {
          snapshot,
          changes: changes.flatMap(({ jobNo, revision, duty }) =>
            duty === "none" ? [] : [{ jobNo, revision, duty }],
          ),
          isIncomplete:
            deleted.some(mayBeHeld) || changes.some(({ jobNo, duty }) => duty === "none" && mayBeHeld(jobNo)),
        };
      },
    );

    routes.post(
      "/api/poller/jobs/digests",
      {
        config,
        schema: {
          tags,
          summary: "Digests of a share's jobs, to be compared",
          body: ShareBody,
          response: { 200: RemoteDigests },
        },
      },
      async (request) => {
        const { digests, pending } = await jobs.digests(shareOf(request));
        return { digests: [...digests], pending: [...pending] };
      },
    );

    routes.post(
      "/api/poller/jobs/running",
      {
        config,
        schema: {
          tags,
          summary: "Running jobs of a share, by their numbers",
          body: GroupsBody,
          response: { 200: RemoteRevisions },
        },
      },
      async (request) => ({ jobs: await jobs.running(shareOf(request), request.body.groups) }),
    );

    routes.post(
      "/api/poller/jobs/read",
      {
        config,
        schema: {
          tags,
          summary: "What is to be measured for jobs of a share",
          body: ReadJobsBody,
          response: { 200: RemoteJobs },
        },
      },
      async (request) => ({
        jobs: await jobs.read(shareOf(request), request.body.jobNos, request.body.since),
      }),
    );

    routes.post(
      "/api/poller/jobs/start",
      {
        config,
        schema: {
          tags,
          summary: "Start pending jobs of a share",
          body: ShareJobsBody,
          response: { 204: z.undefined() },
        },
      },
      async (request, reply) => {
        const own = await jobsAt(db, holderOf(request), request.body.jobNos);
        if (own.length > 0) await jobs.start(shareOf(request), own, clock.now());
        return reply.code(204).send();
      },
    );

    routes.post(
      "/api/poller/jobs/complete",
      {
        config,
        schema: {
          tags,
          summary: "Complete jobs whose last result is uploaded",
          body: CompleteBody,
          response: { 204: z.undefined() },
        },
      },
      async (request, reply) => {
        const own = await jobsAt(db, holderOf(request), request.body.jobNos);
        if (own.length > 0) await completeJobs(db, own, clock.now());
        return reply.code(204).send();
      },
    );

    await routes.register(async (uploadScope) => {
      const uploads = uploadScope as App;
      addUploadParsers(uploads);
      uploads.decorateRequest("uploadPlace", null);
      uploads.addHook("onRequest", async (request, reply) => {
        request.uploadPlace = gate.enter(holderOf(request).id, reply.raw);
      });
      uploads.post(
        "/api/poller/samples",
        {
          bodyLimit: UPLOAD_LIMIT_BYTES,
          config,
          schema: {
            tags,
            summary: "Upload samples",
            description:
              "JSON, or the same packed by gzip as `application/gzip`. What the receipt does not refuse is committed; sent " +
              "again, it changes nothing.",
            body: UploadBody,
            response: { 200: UploadReceipt },
          },
        },
        async (request) =>
          uploadPlaceOf(request).during(() =>
            receiveUpload({ database, store, alerts }, holderOf(request), request.body, clock.now()),
          ),
      );
    });
  });
}

function refuseStartBeyond({ allowed, retryAfterMs }: LimitResult): void {
  if (allowed) return;
  throw new NightbellError(
    "rate_limited",
    `More than ${STARTS_PER_HOUR} pollers with this token were started within an hour; see why they end.`,
    { retryAfterSeconds: Math.ceil(retryAfterMs / 1_000) },
  );
}
