// The database goes away while jobs are measured (M9): probing goes on into the spool, what it holds is stored in order
// afterwards, no slot is missing, and nobody is told anything but that the database was away.
//
// `npm test` stops it for a few seconds, `npm run chaos` for OUTAGE seconds under 500 samples/s, and then for a shorter
// time in each of the other ways.
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Job } from "@nightbell/contract";
import type { Pool } from "pg";
import { describe, expect, test } from "vitest";
import { openDatabase } from "../../src/platform/db.js";
import { type ApiClient, apiClient, eventually, type RunningNightbell, startNightbell } from "../harness.js";
import { find } from "./findings.js";
import { standstillsOf } from "./fleet.js";
import { startPostgres, startTarget } from "./ground.js";
import { report } from "./report.js";
import { type Stop, STOPS } from "./stops.js";

const isWhole = process.env["OUTAGE"] !== undefined;
const OUTAGE_MS = Number(process.env["OUTAGE"] ?? 7) * 1_000;
/** Long enough to be told afterwards (5 s), in all the ways. */
const OTHER_OUTAGE_MS = 40_000;
const JOBS = isWhole ? 5_000 : 100;
const CADENCE_MS = isWhole ? 10_000 : 1_000;
const IMPORT_BATCH = 500;
/** For the poller to notice that the database is back, and to store what it has. */
const REPLAYED_MS = 60_000;

const ways: { way: Stop; outageMs: number }[] = [
  { way: "stop", outageMs: OUTAGE_MS },
  ...(isWhole
    ? (["kill", "freeze"] as const).map((way) => ({ way, outageMs: Math.min(OUTAGE_MS, OTHER_OUTAGE_MS) }))
    : []),
];

async function createJobs(client: ApiClient, port: number): Promise<void> {
  const jobs = Array.from({ length: JOBS }, (_, index) => ({
    title: `job ${index}`,
    type: "tcp",
    target: `127.${1 + (index >> 8)}.${index & 255}.1:${port}`,
    cadenceSeconds: CADENCE_MS / 1_000,
  }));
  for (let from = 0; from < JOBS; from += IMPORT_BATCH) {
    const batch = { jobs: jobs.slice(from, from + IMPORT_BATCH) };
    expect((await client.post<Job>("/api/jobs/import", batch)).status).toBeLessThan(300);
  }
}

async function metric({ url }: RunningNightbell, name: string): Promise<number> {
  const text = await (await fetch(new URL("/metrics", url))).text();
  const value = new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1];
  if (value === undefined) throw new Error(`no metric ${name}`);
  return Number(value);
}

/**
 * Samples that were stored after one that was measured later, by a batch of a later transaction. One poller stores one
 * batch after the other, so their numbers tell the order.
 */
async function outOfOrder(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(`
    select count(*) as count
    from (
      select first, max(last) over (order by transaction rows between unbounded preceding and 1 preceding) as before
      from (
        select xmin::text::bigint as transaction, min(recorded_at) as first, max(recorded_at) as last
        from samples group by 1
      ) as batch
    ) as batch
    where first < before`);
  return rows[0]?.count ?? Number.NaN;
}

describe("while the database is away", () => {
  test.each(ways)(
    "probing goes on, and nothing is missing afterwards ($way, $outageMs ms)",
    { timeout: OUTAGE_MS + 300_000 },
    async ({ way, outageMs }) => {
      if (way === "freeze" && !existsSync("/proc/self/stat")) return; // Its processes cannot be found.
      await using postgres = await startPostgres(["127.0.0.1"]);
      await using target = await startTarget("0.0.0.0");
      const { url: databaseUrl } = postgres;
      await using api = await startNightbell({ command: "serve --roles api,scheduler", databaseUrl });
      await using poller = await startNightbell({ command: "serve --roles poller", databaseUrl });
      const { pool, close } = openDatabase(databaseUrl, { poolSize: 1, applicationName: "chaos" });
      await using _ = { [Symbol.asyncDispose]: close };
      const client = apiClient(api.url);
      await client.register();
      await createJobs(client, target.port);
      /** Every job has a sample of a slot after that time. */
      const measured = (after: number, withinMs: number) =>
        eventually(
          async () => {
            const { rows } = await pool.query("select from samples where slot > $1 group by job_no", [after]);
            expect(rows).toHaveLength(JOBS);
          },
          { withinMs, everyMs: 500 },
        );
      await measured(0, 60_000);
      const from = Date.now();
      await measured(from, 60_000);

      const startAgain = await STOPS[way].end(postgres);
      await delay(outageMs);
      const spooled = await metric(poller, "nightbell_samples_spooled_total");
      const bytes = await metric(poller, "nightbell_spool_bytes");
      await startAgain();
      const backAt = performance.now();
      await eventually(async () => expect(await metric(poller, "nightbell_spool_bytes")).toBe(0), {
        withinMs: REPLAYED_MS,
        everyMs: 20,
      });
      const replayMs = Math.round(performance.now() - backAt);
      const to = Date.now();
      await measured(to, 60_000);

      const selfAlerts = () =>
        eventually(
          async () => {
            const { rows } = await pool.query<{ self_key: string }>(
              "select self_key from alerts where kind = 'self'",
            );
            expect(rows).toHaveLength(1);
            return rows.map(({ self_key }) => self_key);
          },
          { withinMs: 10_000 },
        );
      const found = {
        selfAlerts: await selfAlerts(),
        outOfOrder: await outOfOrder(pool),
        ...(await find(pool, { from, to })),
      };
      const standstills = standstillsOf(poller);
      const missing = [...found.missing.values()]
        .flat()
        .filter((slot) => !standstills.some(({ from, to }) => slot > from && slot <= to)).length;
      await report("Outages", STOPS[way].name, {
        "seconds, jobs, samples/s": `${outageMs / 1_000} s, ${JOBS}, ${(JOBS / CADENCE_MS) * 1_000}`,
        "samples spooled": spooled,
        "bytes of the spool": bytes,
        "from the start of the database to an empty spool": `${replayMs} ms`,
        "batches out of order": found.outOfOrder,
        "due slots": found.due,
        stored: found.stored,
        "missing slots": missing,
        "standstills of the machine, and what was due in them": `${standstills.length}, ${found.due - found.stored - missing}`,
        "alerts about targets": found.alerts.length,
        "alerts about the database": found.selfAlerts.length,
      });
      expect(spooled).toBeGreaterThan((outageMs / CADENCE_MS) * JOBS * 0.5);
      expect({ ...found, missing }).toMatchObject({
        missing: 0,
        twice: 0,
        outOfOrder: 0,
        alerts: [],
        selfAlerts: ["database"],
      });
    },
  );
});
