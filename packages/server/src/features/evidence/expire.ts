// Evidence that nobody took in time, said plainly.
import { sql } from "kysely";
import type { Db } from "../../platform/db.js";
import { FRESH_MS } from "./rules.js";

/** Of one turn: live streams read 500 lines of timelines at a time, and what else happens must not drown. */
const BATCH = 400;

/** A task of the scheduler; safe to repeat. By alert_evidence_due, which is as small as what is under way. */
export async function expireEvidence(db: Db): Promise<void> {
  await sql`
    with late as materialized (
      select id from alert_evidence
      where due_at is not null and requested_at <= now() - ${FRESH_MS} * interval '1 millisecond'
        and (lease_until is null or lease_until <= now())
      order by id limit ${BATCH} for update skip locked
    ), expired as (
      update alert_evidence as work set state = 'expired', ended_at = now(), due_at = null, lease_owner = null,
        lease_until = null, text = case when attempt > 0
          then 'it was begun but not finished, and is no longer worth taking'
          else 'no poller came to it within a minute: more urgent evidence came first, or none measures the job there' end
      from late where work.id = late.id
      returning alert_id, location_no, text
    )
    insert into alert_events (alert_id, at, kind, text)
    select alert_id, now(), 'evidence', 'No evidence from ' || locations.name || ': ' || text
    from expired join locations using (location_no)`.execute(db);
}
