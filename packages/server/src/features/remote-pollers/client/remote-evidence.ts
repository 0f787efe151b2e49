import { EvidenceReceipt, RemoteEvidence as Requests } from "@nightbell/contract";
import { LeaseLostError } from "../../../platform/lease.js";
import {
  type EvidenceEnding,
  type EvidenceRequest,
  type EvidenceSource,
  storableEnding,
} from "../../evidence/index.js";
import type { Shares } from "../../pollers/index.js";
import { bucketsOf } from "./buckets-of.js";
import type { Link } from "./link.js";

const TIMEOUT_MS = 5_000;

export interface RemoteEvidenceOptions {
  readonly link: Link;
  readonly shares: Pick<Shares, "current">;
  /** A UUID of this poller. */
  readonly owner: string;
}

/** Evidence through the server, which knows from the token whose and where. */
export class RemoteEvidence implements EvidenceSource {
  readonly #options: RemoteEvidenceOptions;

  constructor(options: RemoteEvidenceOptions) {
    this.#options = options;
  }

  async due(limit: number): Promise<EvidenceRequest[]> {
    const { link, shares, owner } = this.#options;
    const { requests } = await link.call("POST", "api/poller/evidence", {
      body: { id: owner, buckets: bucketsOf(shares.current()), limit },
      answer: Requests,
      timeoutMs: TIMEOUT_MS,
    });
    return requests;
  }

  async finish(request: EvidenceRequest, ending: EvidenceEnding): Promise<void> {
    const isStored = await this.#end(request, storableEnding(ending));
    if (!isStored) throw new LeaseLostError(`the lease of the evidence ${request.id} was lost`);
  }

  async giveBack(request: EvidenceRequest): Promise<void> {
    await this.#end(request, null);
  }

  async #end({ id, fencingToken }: EvidenceRequest, ending: EvidenceEnding | null): Promise<boolean> {
    const { isStored } = await this.#options.link.call("PUT", `api/poller/evidence/${id}`, {
      body: { fencingToken, ending },
      answer: EvidenceReceipt,
      timeoutMs: TIMEOUT_MS,
    });
    return isStored;
  }
}
