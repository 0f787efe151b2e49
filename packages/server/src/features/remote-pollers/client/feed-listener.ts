// Listens to the server's feed for as long as it is open, and connects again when it breaks.
import { setTimeout as delay } from "node:timers/promises";
import { FeedLine } from "@nightbell/contract";
import type { Logger } from "../../../platform/log.js";
import type { Link } from "./link.js";

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 10_000;

export interface FeedListenerOptions {
  readonly link: Link;
  readonly log: Logger;
  readonly onNews: (news: FeedLine["news"]) => void;
}

export class FeedListener {
  readonly #options: FeedListenerOptions;
  readonly #abort = new AbortController();
  readonly #loop: Promise<void>;
  #failures = 0;

  constructor(options: FeedListenerOptions) {
    this.#options = options;
    this.#loop = this.#run();
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      let reason: unknown = "the server ended it";
      try {
        await this.#listen(signal);
      } catch (error) {
        reason = error;
      }
      if (signal.aborted) return;
      if (this.#failures === 0)
        this.#options.log.info(
          { reason: String(reason) },
          "the feed of news broke; changes are looked for meanwhile",
        );
      const longestMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS);
      this.#failures += 1;
      await delay(longestMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
    }
  }

  async #listen(signal: AbortSignal): Promise<void> {
    for await (const line of this.#options.link.feed("api/poller/feed", signal)) {
      const [, json] = /^data: (.+)$/.exec(line) ?? [];
      if (json === undefined) continue;
      this.#failures = 0;
      this.#options.onNews(FeedLine.parse(JSON.parse(json)).news);
    }
  }
}
