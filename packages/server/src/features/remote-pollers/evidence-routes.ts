// Evidence of alerts that remote pollers take (M17, M19): of jobs that their token measures, at its location.
import { EvidenceDueBody, EvidenceEndBody, EvidenceReceipt, RemoteEvidence } from "@nightbell/contract";
import { z } from "zod";
import type { Db } from "../../platform/db.js";
import type { App } from "../../platform/http/app.js";
import { LeaseLostError } from "../../platform/lease.js";
import { DatabaseEvidence, endEvidence, giveEvidenceBack } from "../evidence/index.js";
import { config, holderOf, shareOf, tags } from "./holder.js";

/** Thirty hops with three tries each, every one with a long reason, and a burst. */
const ENDING_LIMIT_BYTES = 262_144;

export function evidenceRoutes(routes: App, db: Db): void {
  routes.post(
    "/api/poller/evidence",
    {
      config,
      schema: {
        tags,
        summary: "Take evidence that is due",
        description: "Of jobs of the share, the most urgent first; the poller has 20 s for what it takes.",
        body: EvidenceDueBody,
        response: { 200: RemoteEvidence },
      },
    },
    async (request) => {
      const { locationNo } = holderOf(request);
      const share = shareOf(request);
      const { id: owner, limit } = request.body;
      const source = new DatabaseEvidence({ db, locationNo, shares: { current: () => share }, owner });
      return { requests: await source.due(limit) };
    },
  );

  routes.put(
    "/api/poller/evidence/:id",
    {
      bodyLimit: ENDING_LIMIT_BYTES,
      config,
      schema: {
        tags,
        summary: "What evidence came to",
        description: "`isStored` is false when the poller had no time left for it and it is somebody else's.",
        params: z.object({ id: z.uuid() }),
        body: EvidenceEndBody,
        response: { 200: EvidenceReceipt },
      },
    },
    async (request) => {
      const { locationNo } = holderOf(request);
      const { fencingToken, ending } = request.body;
      const held = { id: request.params.id, fencingToken, locationNo };
      if (ending === null) {
        await giveEvidenceBack(db, held);
        return { isStored: false };
      }
      try {
        await endEvidence(db, held, ending);
        return { isStored: true };
      } catch (error) {
        if (error instanceof LeaseLostError) return { isStored: false };
        throw error;
      }
    },
  );
}
