import { randomUUID } from "node:crypto";
import { RemoteOthers, RemoteTime } from "@nightbell/contract";
import type { Beat, Member, Roster } from "../../pollers/index.js";
import type { Link } from "./link.js";

/** Below the lease, so that one call that hangs does not cost it. */
const TIMEOUT_MS = 1_500;

/** The table of pollers through the server. */
export class RemoteRoster implements Roster {
  readonly id = randomUUID();
  readonly #link: Link;
  readonly #name: string;

  constructor(link: Link, name: string) {
    this.#link = link;
    this.#name = name;
  }

  async others(): Promise<Member[]> {
    const path = `api/poller/others?except=${this.id}`;
    const { pollers } = await this.#link.call("GET", path, { answer: RemoteOthers, timeoutMs: TIMEOUT_MS });
    return pollers.map((poller) => ({ ...poller, buckets: Buffer.from(poller.buckets, "base64") }));
  }

  async renew({ state, buckets, stats, isNews }: Beat): Promise<number> {
    if (buckets === null) throw new Error("remote pollers share jobs live");
    const { now } = await this.#link.call("PUT", `api/poller/lease/${this.id}`, {
      body: { name: this.#name, state, buckets: buckets.toString("base64"), stats, isNews },
      answer: RemoteTime,
      timeoutMs: TIMEOUT_MS,
    });
    return now;
  }

  async leave(): Promise<void> {
    await this.#link.call("DELETE", `api/poller/lease/${this.id}`, { answer: null, timeoutMs: TIMEOUT_MS });
  }

  async close(): Promise<void> {}
}
