import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { createWorld, type World } from "../../../test/samples.js";
import { forgetOldAlerts } from "./retention.js";
import { raiseSelfAlert, resolveSelfAlert } from "./self-alerts.js";

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 30);
const never = new AbortController().signal;

interface AlertOptions {
  /** Days ago; null: not resolved. */
  resolved: number | null;
  status?: "open" | "suppressed";
  count?: number;
  events?: number;
}

/** Alerts that were raised five hundred days ago. */
async function addAlerts(
  { database: { pool }, organisationId }: World,
  title: string,
  { resolved, status = "open", count = 1, events = 3 }: AlertOptions,
): Promise<void> {
  const raisedAt = new Date(NOW - 500 * DAY_MS);
  await pool.query(
    `with raised as (
       insert into alerts (id, organisation_id, kind, status, severity, title, started_at, opened_at, resolved_at)
       select gen_random_uuid(), $1, 'missed', $2, 'critical', $3, $4::timestamptz, $4::timestamptz, $5::timestamptz
       from generate_series(1, $6::int) returning id
     )
     insert into alert_events (alert_id, at, kind, text)
     select id, $4, 'opened', 'Raised' from raised, generate_series(1, $7::int)`,
    [
      organisationId,
      resolved === null ? status : "resolved",
      title,
      raisedAt,
      resolved === null ? null : new Date(NOW - resolved * DAY_MS),
      count,
      events,
    ],
  );
}

/** How many alerts and events there are of each title. */
async function counted({ database: { pool } }: World): Promise<Record<string, [number, number]>> {
  const { rows } = await pool.query<{ title: string; alerts: number; events: number }>(
    `select title, count(distinct alerts.id) as alerts, count(event.id) as events
     from alerts left join alert_events as event on event.alert_id = alerts.id group by title`,
  );
  return Object.fromEntries(rows.map(({ title, alerts, events }) => [title, [alerts, events]]));
}

test("alerts leave with their timelines once they have been over for long", async () => {
  await using world = await createWorld();
  await addAlerts(world, "long over", { resolved: 101 });
  await addAlerts(world, "just over", { resolved: 99 });
  await addAlerts(world, "still open", { resolved: null });
  await addAlerts(world, "still suppressed", { resolved: null, status: "suppressed" });
  await forgetOldAlerts(world.database.db, NOW - 100 * DAY_MS, never);
  expect(await counted(world)).toEqual({
    "just over": [1, 3],
    "still open": [1, 3],
    "still suppressed": [1, 3],
  });
});

test("more alerts, and longer timelines, than one statement removes", async () => {
  await using world = await createWorld();
  await addAlerts(world, "many", { resolved: 200, count: 1_234 });
  await addAlerts(world, "long timeline", { resolved: 150, events: 12_345 });
  await forgetOldAlerts(world.database.db, NOW - 100 * DAY_MS, never);
  expect(await counted(world)).toEqual({});
});

test("alerts about this installation leave as others do", async () => {
  await using world = await createWorld();
  const { db } = world.database;
  for (const [key, daysAgo] of [
    [`poller:${randomUUID()}`, 101],
    [`poller:${randomUUID()}`, 99],
  ] as const) {
    const at = NOW - daysAgo * DAY_MS;
    await raiseSelfAlert(
      db,
      { key, title: key, severity: "warning", organisationId: null, startedAt: at },
      at,
    );
    await resolveSelfAlert(db, key, at);
  }
  await forgetOldAlerts(db, NOW - 100 * DAY_MS, never);
  expect(Object.values(await counted(world))).toEqual([[1, 2]]);
});

test("a scheduler that is stopped leaves the rest to the next", async () => {
  await using world = await createWorld();
  const { db } = world.database;
  await addAlerts(world, "many", { resolved: 200, count: 1_234, events: 1 });
  const stopped = AbortSignal.abort(new Error("stopped"));
  await expect(forgetOldAlerts(db, NOW, stopped)).rejects.toThrow("stopped");
  expect(await counted(world)).toEqual({ many: [734, 734] });
  await forgetOldAlerts(db, NOW, never);
  expect(await counted(world)).toEqual({});
});
