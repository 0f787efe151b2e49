// Pollers that died: their lease ran out without a word.
import { sql } from "kysely";
import type { Clock } from "../../platform/clock.js";
import type { Db } from "../../platform/db.js";
import { buryPollers } from "./queries.js";
import { Contact, LEASE_MS } from "./rules.js";

export interface DeadPoller {
  readonly id: string;
  readonly name: string;
  readonly location: string;
  readonly locationNo: number;
  /** Whose location it is; null when it is shared. */
  readonly organisationId: string | null;
  /** When its lease ran out, at most three seconds after its death. */
  readonly diedAt: Date;
  /** A poller of that name has been started at that location since. */
  readonly isBack: boolean;
}

/**
 * A task of the scheduler, to be run every second. After the database was out of reach pollers have a lease's length to
 * renew their leases before any is called dead.
 */
export function createUndertaker(db: Db, clock: Clock): () => Promise<void> {
  const contact = new Contact();
  return async () => {
    contact.note(clock.monotonic());
    if (contact.isSettled(clock.monotonic())) await buryPollers(db);
  };
}

/** Pollers that died within the last day, the latest first. */
export async function deadPollers(db: Db): Promise<DeadPoller[]> {
  const rows = await db
    .selectFrom("pollers")
    .innerJoin("locations", "locations.location_no", "pollers.location_no")
    .select((eb) => [
      "pollers.id",
      "pollers.name",
      "locations.name as location",
      "locations.location_no",
      "locations.organisation_id",
      "pollers.died_at",
      eb
        .exists(
          eb
            .selectFrom("pollers as living")
            .select("living.id")
            .whereRef("living.location_no", "=", "pollers.location_no")
            .whereRef("living.name", "=", "pollers.name")
            .where("living.state", "=", "active")
            // It may have been started anew before its lease had run out.
            .where(
              "living.started_at",
              ">",
              sql<Date>`pollers.died_at - ${LEASE_MS} * interval '1 millisecond'`,
            ),
        )
        .as("is_back"),
    ])
    .where("pollers.state", "=", "dead")
    .where("pollers.died_at", "is not", null)
    .orderBy("pollers.died_at", "desc")
    .$narrowType<{ died_at: Date }>()
    .execute();
  return rows.map(({ id, name, location, location_no, organisation_id, died_at, is_back }) => ({
    id,
    name,
    location,
    locationNo: location_no,
    organisationId: organisation_id,
    diedAt: died_at,
    isBack: Boolean(is_back),
  }));
}
