// Open feeds of remote pollers: who is to look for news now. They carry no news themselves, so one that breaks costs
// latency, never a job; and they end with their tokens.
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FeedLine } from "@nightbell/contract";
import { Gauge, type Registry } from "prom-client";
import type { Bus } from "../../platform/bus.js";
import { type Db, failureLevel } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import type { Logger } from "../../platform/log.js";
import { Rounds } from "../../platform/rounds.js";
import { SseClient } from "../../platform/sse.js";
import { EVIDENCE_CHANNEL } from "../evidence/index.js";
import { JOBS_CHANNEL } from "../jobs/index.js";
import { isNewsAt, POLLERS_CHANNEL } from "../pollers/index.js";
import { currentSnapshot } from "../probing/index.js";
import { changedOrganisations, locationsWithEvidence } from "./queries.js";
import { remainingTokens, type TokenHolder } from "./tokens.js";

/** Where a trigger notifies when tokens are revoked; a wake-up only, without a payload. */
const TOKENS_CHANNEL = "nightbell_poller_tokens";

const MAX_FEEDS = 2_000;
const MAX_FEEDS_OF_TOKEN = 50;
/** Feeds say about this often that they live; a poller that hears nothing for 15 s opens another one. */
const BEAT_MS = 5_000;
/** Between two looks at which organisations are concerned, and which tokens are revoked; when all is quiet, and when not. */
const LOOK_INTERVAL_MS = 2_000;
const LOOK_PAUSE_MS = 50;

const frames = Object.fromEntries(
  (["jobs", "pollers", "evidence", "beat"] as const).map((news) => [
    news,
    Buffer.from(`data: ${JSON.stringify({ news } satisfies FeedLine)}\n\n`),
  ]),
) as Record<FeedLine["news"], Buffer>;

export class Feeds {
  readonly #db: Db;
  readonly #log: Logger;
  readonly #feeds = new Map<SseClient, TokenHolder>();
  readonly #looks = new Rounds({ pauseMs: LOOK_PAUSE_MS, intervalMs: LOOK_INTERVAL_MS });
  /** Changes that it shows have been told. */
  #snapshot: string | null = null;
  #isEvidenceNew = false;
  #isRunning = false;
  #isClosed = false;

  constructor({ db, bus, log, registry }: { db: Db; bus: Bus; log: Logger; registry: Registry }) {
    this.#db = db;
    this.#log = log;
    bus.subscribe(JOBS_CHANNEL, () => this.#looks.wake());
    bus.subscribe(POLLERS_CHANNEL, (payload) => {
      this.#tell("pollers", ({ locationNo }) => isNewsAt(locationNo, payload));
    });
    bus.subscribe(TOKENS_CHANNEL, () => this.#looks.wake());
    bus.subscribe(EVIDENCE_CHANNEL, () => {
      this.#isEvidenceNew = true;
      this.#looks.wake();
    });
    const feeds = this.#feeds;
    registry.registerMetric(
      new Gauge({
        name: "nightbell_remote_poller_feeds",
        help: "Open feeds of remote pollers",
        registers: [],
        collect() {
          this.set(feeds.size);
        },
      }),
    );
  }

  /** Takes the request's socket over. Throws `too_many_streams`. */
  open(request: FastifyRequest, reply: FastifyReply, holder: TokenHolder): void {
    if (this.#isClosed) throw new NightbellError("not_ready", "This server is going down; connect again.");
    const ofToken = [...this.#feeds.values()].filter(({ id }) => id === holder.id).length;
    if (this.#feeds.size >= MAX_FEEDS || ofToken >= MAX_FEEDS_OF_TOKEN) {
      throw new NightbellError(
        "too_many_streams",
        `This server has as many open feeds of pollers as it takes: ${MAX_FEEDS}, of one token ${MAX_FEEDS_OF_TOKEN}.`,
        { retryAfterSeconds: BEAT_MS / 1_000 },
      );
    }
    const feed = new SseClient(request.raw.socket);
    reply.hijack();
    feed.begin({ ...reply.raw.getHeaders(), ...reply.getHeaders() });
    // Whatever happened before this moment may have been missed.
    feed.send(frames.jobs);
    feed.send(frames.pollers);
    this.#feeds.set(feed, holder);
    feed.onClose(() => this.#feeds.delete(feed));
    if (!this.#isRunning) void this.#run();
  }

  /** Ends all feeds; new ones are refused. */
  close(): void {
    this.#isClosed = true;
    this.#looks.stop();
    for (const feed of this.#feeds.keys()) feed.close();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let beatenAt = performance.now();
    while (await this.#looks.next()) {
      if (performance.now() - beatenAt >= BEAT_MS) {
        beatenAt = performance.now();
        this.#tell("beat", () => true);
      }
      if (this.#feeds.size === 0) {
        this.#snapshot = null; // Whoever opens the next one is told to look.
        continue;
      }
      try {
        await this.#endRevoked();
        await this.#tellConcerned();
        await this.#tellEvidence();
      } catch (error) {
        this.#log[failureLevel(error)](
          { err: error },
          "it is not known which remote pollers have news; all may",
        );
        this.#tell("jobs", () => true);
      }
    }
  }

  async #endRevoked(): Promise<void> {
    const remaining = await remainingTokens(this.#db, [
      ...new Set([...this.#feeds.values()].map(({ id }) => id)),
    ]);
    for (const [feed, { id }] of this.#feeds) if (!remaining.has(id)) feed.close();
  }

  /** Tells those whose organisation's jobs changed. */
  async #tellConcerned(): Promise<void> {
    const since = this.#snapshot;
    this.#snapshot = await currentSnapshot(this.#db);
    if (since === null) {
      this.#tell("jobs", () => true);
      return;
    }
    const changed = new Set(await changedOrganisations(this.#db, since));
    if (changed.size > 0) this.#tell("jobs", ({ organisationId }) => changed.has(organisationId));
  }

  /** Tells those at whose locations evidence waits; the others look every two seconds anyway. */
  async #tellEvidence(): Promise<void> {
    if (!this.#isEvidenceNew) return;
    this.#isEvidenceNew = false;
    const locationNos = [...new Set([...this.#feeds.values()].map(({ locationNo }) => locationNo))];
    const concerned = await locationsWithEvidence(this.#db, locationNos);
    this.#tell("evidence", ({ locationNo }) => concerned.has(locationNo));
  }

  #tell(news: FeedLine["news"], concerns: (holder: TokenHolder) => boolean): void {
    for (const [feed, holder] of this.#feeds) if (concerns(holder)) feed.send(frames[news]);
  }
}
