// The role that measures without a database (M19): the same poller as the local one, with a server behind its ports.
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { REMOTE_PROTOCOL, RemotePlace } from "@nightbell/contract";
import { Registry } from "prom-client";
import { evidenceMetrics, EvidenceRunner } from "../../features/evidence/index.js";
import { Membership } from "../../features/pollers/index.js";
import { createOneShotProber, Poller } from "../../features/probing/index.js";
import {
  FeedListener,
  Link,
  RemoteEvidence,
  RemoteJobs,
  RemoteRoster,
  type RemoteSettings,
  RemoteStore,
  RevokedError,
} from "../../features/remote-pollers/index.js";
import { SampleWriter } from "../../features/samples/index.js";
import { systemClock as clock } from "../../platform/clock.js";
import type { Logger } from "../../platform/log.js";
import { addProcessMetrics } from "../../platform/metrics.js";
import type { Config } from "../../config/config.js";
import { backoffMs } from "../backoff.js";
import { DEFAULT_DATA_DIR, HAND_OVER_SHARE, placeName } from "./poller.js";
import type { RunningPoller } from "./role.js";

/** Everything is compared this often at most: news come by the feed, and the server compares for many. */
const MIN_COMPARE_INTERVAL_MS = 15_000;
const PLACE_TIMEOUT_MS = 10_000;

export interface RemotePollerContext {
  readonly config: Config;
  readonly settings: RemoteSettings;
  readonly log: Logger;
  /** Called when the server does not know the token any more. */
  readonly revoked: () => void;
}

/** Resolves when it measures; waits for a server that is away. Throws RevokedError for a token that is wrong. */
export async function startRemotePoller({
  config,
  settings,
  log,
  revoked,
}: RemotePollerContext): Promise<RunningPoller> {
  const registry = new Registry();
  addProcessMetrics(registry, "poller");
  const link = new Link(settings, revoked);
  const place = await findPlace(link, log);
  let roster: RemoteRoster | null = null;
  const store = new RemoteStore(link, () => roster?.id ?? "");
  const sink = await SampleWriter.open({
    store,
    spoolFolder: join(config.NIGHTBELL_DATA_DIR ?? DEFAULT_DATA_DIR, "remote", folderOf(place), "spool"),
    spoolMaxBytes: config.SPOOL_MAX_MB * 1024 ** 2,
    batchSize: config.BATCH_SIZE,
    flushIntervalMs: config.BATCH_FLUSH_INTERVAL_MS,
    log,
    registry,
  });
  roster = new RemoteRoster(link, placeName(config.POLLER_NAME ?? hostName(), sink.place));
  let poller: Poller | null = null;
  const membership = await Membership.join({
    roster,
    place,
    replica: null,
    load: () => poller?.load() ?? { jobCount: 0, samplesPerSecond: 0, latenessP99Ms: null },
    shareChanged: () => poller?.wake(),
    clock,
    log,
    registry,
  });
  const jobs = new RemoteJobs(link);
  poller = await Poller.start({
    source: jobs,
    locationNo: place.locationNo,
    shares: membership,
    compareIntervalMs: Math.max(config.POLL_INTERVAL_MS, MIN_COMPARE_INTERVAL_MS),
    concurrency: config.CONCURRENCY,
    latencyApiUrl: config.LATENCY_API_URL,
    references: config.REFERENCE_TARGETS,
    sink,
    complete: (jobNos) => jobs.complete(jobNos),
    readHeartbeats: async () => {
      throw new Error("remote pollers are not given heartbeats");
    },
    changed: (jobNo) => store.jobChanged(jobNo),
    clock,
    log,
    registry,
  });
  const running = poller;
  // Probes of its own, so that bursts and traces cost scheduled probes nothing.
  const prober = createOneShotProber({ latencyApiUrl: config.LATENCY_API_URL, log });
  const evidence = new EvidenceRunner({
    source: new RemoteEvidence({ link, shares: membership, owner: roster.id }),
    prober,
    metrics: evidenceMetrics(registry),
    clock,
    log,
  });
  const feed = new FeedListener({
    link,
    log,
    onNews(news) {
      if (news === "jobs") running.wake();
      if (news === "pollers") membership.wake();
      if (news === "evidence") evidence.wake();
    },
  });
  log.info(
    { server: link.origin, organisation: place.organisation, location: place.location },
    "measures for the server",
  );
  return {
    metrics: () => registry.getMetricsAsJSON(),
    async stop(deadlineMs) {
      const deadline = clock.monotonic() + deadlineMs;
      const evidenceEnded = evidence.stop(deadlineMs * HAND_OVER_SHARE).then(() => prober.close());
      await membership.handOver(deadlineMs * HAND_OVER_SHARE);
      await feed.close();
      await running.stop(deadline - clock.monotonic());
      await evidenceEnded;
      await membership.leave();
      await link.close();
    },
  };
}

/** Hosts are called what they like; names of pollers are letters, digits, dots, dashes and underscores. */
function hostName(): string {
  return (
    hostname()
      .replaceAll(/[^\w.-]/g, "-")
      .slice(0, 100) || "poller"
  );
}

/** A machine may be up before its network, and a poller before its server. */
async function findPlace(link: Link, log: Logger): Promise<RemotePlace> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const place = await link.call("GET", "api/poller/place", {
        answer: RemotePlace,
        timeoutMs: PLACE_TIMEOUT_MS,
      });
      if (place.protocol === REMOTE_PROTOCOL) return place;
      log.error(
        { server: place.version, theirs: place.protocol, ours: REMOTE_PROTOCOL },
        "the server speaks another version of what pollers and servers say; update the older one",
      );
    } catch (error) {
      if (error instanceof RevokedError) throw error;
      if (attempt === 0)
        log.warn({ err: error }, "the server does not answer yet; trying again until it does");
    }
    await delay(backoffMs(attempt) * (0.5 + Math.random() / 2));
  }
}

/** Samples know jobs and locations by numbers, which mean something else to another server. */
function folderOf({ organisationId, locationNo }: RemotePlace): string {
  return createHash("sha256").update(`${organisationId} ${locationNo}`).digest("hex").slice(0, 16);
}
