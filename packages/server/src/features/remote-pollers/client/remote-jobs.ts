import { RemoteChanges, RemoteDigests, RemoteJobs as Jobs, RemoteRevisions } from "@nightbell/contract";
import type { z } from "zod";
import type { Share } from "../../pollers/index.js";
import type { JobChanges, JobDigests, JobRevision, JobRow, JobSource } from "../../probing/index.js";
import { bucketsOf } from "./buckets-of.js";
import type { Link } from "./link.js";

const TIMEOUT_MS = 10_000;
/** News come by the feed; this is for when it does not. */
const LOOK_INTERVAL_MS = 2_000;

/** Jobs through the server, which knows from the token whose and where. */
export class RemoteJobs implements JobSource {
  readonly lookIntervalMs = LOOK_INTERVAL_MS;
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  async changes(share: Share, since: string | null): Promise<JobChanges> {
    const answer = await this.#ask("changes", { buckets: bucketsOf(share), since }, RemoteChanges);
    return { ...answer, deleted: [] };
  }

  async digests(share: Share): Promise<JobDigests> {
    const { digests, pending } = await this.#ask("digests", { buckets: bucketsOf(share) }, RemoteDigests);
    return { digests: new Map(digests), pending };
  }

  async running(share: Share, groups: readonly number[]): Promise<JobRevision[]> {
    const { jobs } = await this.#ask("running", { buckets: bucketsOf(share), groups }, RemoteRevisions);
    return jobs;
  }

  async read(share: Share, jobNos: readonly number[], since: number): Promise<JobRow[]> {
    const { jobs } = await this.#ask("read", { buckets: bucketsOf(share), jobNos, since }, Jobs);
    return jobs;
  }

  /** By the server's clock. */
  start(share: Share, jobNos: readonly number[]): Promise<unknown> {
    return this.#ask("start", { buckets: bucketsOf(share), jobNos }, null);
  }

  async complete(jobNos: readonly number[]): Promise<void> {
    for (let from = 0; from < jobNos.length; from += COMPLETED_AT_ONCE) {
      await this.#ask("complete", { jobNos: jobNos.slice(from, from + COMPLETED_AT_ONCE) }, null);
    }
  }

  #ask<Answer extends z.ZodType>(
    what: string,
    body: object,
    answer: Answer | null,
  ): Promise<z.output<Answer>> {
    return this.#link.call("POST", `api/poller/jobs/${what}`, { body, answer, timeoutMs: TIMEOUT_MS });
  }
}

const COMPLETED_AT_ONCE = 500;
