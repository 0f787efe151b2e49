// Evidence as rows of the database, shared by the pollers of a location as their jobs are.
import { sql } from "kysely";
import type { Db } from "../../platform/db.js";
import { LeaseLostError } from "../../platform/lease.js";
import { isInShare, type Shares } from "../pollers/index.js";
import { FRESH_MS, MAX_TAKING_MS } from "./rules.js";
import type { EvidenceEnding, EvidenceRequest, EvidenceSource } from "./source.js";
import { storableEnding } from "./storable.js";

/** Where requests notify; a wake-up only, without a payload. */
export const EVIDENCE_CHANNEL = "nightbell_evidence";

/** Taking it once and storing it; after a kill somebody else takes it while it is still fresh. */
const LEASE_MS = MAX_TAKING_MS + 5_000;

export interface DatabaseEvidenceOptions {
  readonly db: Db;
  readonly locationNo: number;
  readonly shares: Pick<Shares, "current">;
  /** A UUID of this poller. */
  readonly owner: string;
}

export class DatabaseEvidence implements EvidenceSource {
  readonly #options: DatabaseEvidenceOptions;

  constructor(options: DatabaseEvidenceOptions) {
    this.#options = options;
  }

  /** By alert_evidence_due, as far as it takes to find so many; for each row by jobs_job_no_key. */
  async due(limit: number): Promise<EvidenceRequest[]> {
    const { db, locationNo, shares, owner } = this.#options;
    const { rows } = await sql<Omit<EvidenceRequest, "job"> & EvidenceRequest["job"] & { jobId: string }>`
      with due as materialized (
        select id from alert_evidence as evidence
        where location_no = ${locationNo} and due_at is not null and (lease_until is null or lease_until <= now())
          and requested_at > now() - ${FRESH_MS} * interval '1 millisecond'
          and (select ${isInShare(shares.current())} from jobs where jobs.job_no = evidence.job_no)
        order by urgency desc, requested_at desc limit ${limit}
        for update skip locked)
      update alert_evidence as work
      set lease_owner = ${owner}, lease_until = now() + ${LEASE_MS} * interval '1 millisecond',
        fencing_token = fencing_token + 1, attempt = attempt + 1
      from due join jobs on true
      where work.id = due.id and jobs.job_no = work.job_no
      returning work.id, fencing_token as "fencingToken", attempt, jobs.id as "jobId", type, target, options,
        case when monitoring_mode = 'simulated' then simulation end as simulation`.execute(db);
    return rows.map(({ id, fencingToken, attempt, jobId, type, target, options, simulation }) => ({
      id,
      fencingToken,
      attempt,
      job: { id: jobId, type, target, options, simulation },
    }));
  }

  finish({ id, fencingToken }: EvidenceRequest, ending: EvidenceEnding): Promise<void> {
    const { db, locationNo } = this.#options;
    return endEvidence(db, { id, fencingToken, locationNo }, ending);
  }

  giveBack({ id, fencingToken }: EvidenceRequest): Promise<void> {
    const { db, locationNo } = this.#options;
    return giveEvidenceBack(db, { id, fencingToken, locationNo });
  }
}

/** A request that is held, at the location of who holds it. */
interface HeldEvidence extends Pick<EvidenceRequest, "id" | "fencingToken"> {
  readonly locationNo: number;
}

/** Stores what was found, and tells the alert's timeline. Throws LeaseLostError. */
export async function endEvidence(
  db: Db,
  { id, fencingToken, locationNo }: HeldEvidence,
  ending: EvidenceEnding,
): Promise<void> {
  const { state, text, findings } = storableEnding(ending);
  const json = findings === null ? null : JSON.stringify(findings);
  // Commit boundary: killed before it, the evidence is taken again; after it, it is there with its line of the timeline.
  const { rows } = await sql`
    with ended as (
      update alert_evidence set state = ${state}, text = ${text}, findings = ${json}::jsonb,
        ended_at = now(), due_at = null, lease_owner = null, lease_until = null
      where id = ${id} and location_no = ${locationNo} and fencing_token = ${fencingToken}
        and lease_until is not null
      returning alert_id, location_no, text
    )
    insert into alert_events (alert_id, at, kind, text)
    select alert_id, now(), 'evidence', 'Evidence from ' || locations.name || ': ' || text
    from ended join locations using (location_no)
    returning id`.execute(db);
  if (rows.length === 0) throw new LeaseLostError(`the lease of the evidence ${id} was lost`);
}

/** Leaves a request that is held to others. */
export async function giveEvidenceBack(
  db: Db,
  { id, fencingToken, locationNo }: HeldEvidence,
): Promise<void> {
  await sql`
    update alert_evidence set lease_owner = null, lease_until = null
    where id = ${id} and location_no = ${locationNo} and fencing_token = ${fencingToken}
      and due_at is not null`.execute(db);
}
