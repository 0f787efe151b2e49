// Maintenance windows: created, read, edited and deleted. The scheduler notices within a second when one begins or ends.
import type {
  MaintenanceWindow,
  MaintenanceWindowCreate,
  MaintenanceWindowPage,
  MaintenanceWindowPatch,
  PageQuery,
} from "@nightbell/contract";
import { sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { z } from "zod";
import type { Db, Tx } from "../../platform/db.js";
import { NightbellError } from "../../platform/errors.js";
import { refuseOtherVersion } from "../../platform/http/if-match.js";
import { invalid } from "../../platform/http/validation.js";
import { isActive, occurrenceAt, scheduleFault } from "./maintenance.js";
import { listOwned, refuseTooMany } from "./owned-list.js";
import { refuseForeignJobs } from "./selector.js";

type NewWindow = z.output<typeof MaintenanceWindowCreate>;

/** Throws `validation_failed` or `limit_reached`. */
export async function createWindow(
  db: Db,
  organisationId: string,
  window: NewWindow,
  now: number,
): Promise<MaintenanceWindow> {
  refuseBadSchedule(window);
  await refuseForeignJobs(db, organisationId, window.selector);
  await refuseTooMany(db, "maintenance_windows", organisationId);
  const id = uuidv7();
  const at = { created_at: new Date(now), updated_at: new Date(now) };
  await db
    .insertInto("maintenance_windows")
    .values({ id, organisation_id: organisationId, ...columnsOf(window), ...at })
    .execute();
  return findWindow(db, organisationId, id, now);
}

export async function listWindows(
  db: Db,
  organisationId: string,
  query: PageQuery,
  now: number,
): Promise<MaintenanceWindowPage> {
  const { ids, pagination } = await listOwned(db, "maintenance_windows", organisationId, query);
  const windows = await selectWindows(db, organisationId, ids, now);
  return { data: ids.flatMap((id) => windows.find((window) => window.id === id) ?? []), pagination };
}

/** Throws `not_found`. */
export async function findWindow(
  db: Db | Tx,
  organisationId: string,
  id: string,
  now: number,
): Promise<MaintenanceWindow> {
  const [window] = await selectWindows(db, organisationId, [id], now);
  if (window === undefined) throw noWindow();
  return window;
}

/** Throws `not_found`, `version_conflict`, `validation_failed`. */
export function editWindow(
  db: Db,
  organisationId: string,
  id: string,
  patch: MaintenanceWindowPatch,
  ifMatch: string | undefined,
  now: number,
): Promise<MaintenanceWindow> {
  return db.transaction().execute(async (tx) => {
    await sql`
      select from maintenance_windows where id = ${id} and organisation_id = ${organisationId} for update`.execute(
      tx,
    );
    const before = await findWindow(tx, organisationId, id, now);
    refuseOtherVersion("maintenance window", before.version, ifMatch);
    if (Object.keys(patch).length === 0) return before;
    const { name, selector, schedule, isEnabled } = before;
    const after: NewWindow = { name, selector, schedule, isEnabled, ...(patch as Partial<NewWindow>) };
    refuseBadSchedule(after);
    if (patch.selector !== undefined) await refuseForeignJobs(tx, organisationId, after.selector, selector);
    await tx
      .updateTable("maintenance_windows")
      .set({ ...columnsOf(after), version: before.version + 1, updated_at: new Date(now) })
      .where("id", "=", id)
      .execute();
    return findWindow(tx, organisationId, id, now);
  });
}

/** Throws `not_found`. */
export async function deleteWindow(db: Db, organisationId: string, id: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom("maintenance_windows")
    .where("id", "=", id)
    .where("organisation_id", "=", organisationId)
    .executeTakeFirst();
  if (numDeletedRows === 0n) throw noWindow();
}

/** By the primary key. */
async function selectWindows(
  db: Db | Tx,
  organisationId: string,
  ids: readonly string[],
  now: number,
): Promise<MaintenanceWindow[]> {
  const rows = await db
    .selectFrom("maintenance_windows")
    .selectAll()
    .where("organisation_id", "=", organisationId)
    .where("id", "=", sql<string>`any(${ids}::uuid[])`)
    .execute();
  return rows.map((row) => {
    const occurrence = row.is_enabled ? occurrenceAt(row.schedule, now) : null;
    return {
      id: row.id,
      name: row.name,
      selector: row.selector,
      schedule: row.schedule,
      isEnabled: row.is_enabled,
      occurrence: occurrence && {
        from: new Date(occurrence.from).toISOString(),
        to: new Date(occurrence.to).toISOString(),
      },
      isActive: isActive(occurrence, now),
      version: row.version,
      createdAt: row.created_at.toISOString(),
      updatedAt: row.updated_at.toISOString(),
    };
  });
}

function columnsOf({ name, selector, schedule, isEnabled }: NewWindow) {
  return {
    name,
    selector: JSON.stringify(selector),
    schedule: JSON.stringify(schedule),
    is_enabled: isEnabled,
  };
}

function refuseBadSchedule({ schedule }: NewWindow): void {
  const fault = scheduleFault(schedule);
  if (fault !== null) throw invalid([fault]);
}

function noWindow(): NightbellError {
  return new NightbellError("not_found", "There is no such maintenance window in your organisation.");
}
