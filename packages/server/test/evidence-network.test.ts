// Evidence by the whole program: over a path that breaks behind a router, and by a poller that is killed while it takes it.
import type { AlertDetail, AlertPage, Job } from "@nightbell/contract";
import { describe, expect, test } from "vitest";
import { openDatabase } from "../src/platform/db.js";
import { apiClient, type ApiClient, createDatabase, eventually, startNightbell } from "./harness.js";
import { createChain } from "./responder/chain.js";
import { whyNoNetwork } from "./responder/network.js";

const obstacle = whyNoNetwork();

/** Waits for the alert about the job, and until its evidence has ended. */
async function evidenceOf(client: ApiClient, job: Job): Promise<AlertDetail> {
  return eventually(
    async () => {
      const { body: alerts } = await client.get<AlertPage>(`/api/alerts?jobId=${job.id}`);
      const { body: alert } = await client.get<AlertDetail>(`/api/alerts/${alerts.data[0]?.id}`);
      const [evidence] = alert.evidence;
      if (evidence === undefined || evidence.state === "requested") throw new Error("no evidence yet");
      return alert;
    },
    { withinMs: 40_000, everyMs: 200 },
  );
}

describe.skipIf(obstacle !== null)(
  `evidence over routers${obstacle === null ? "" : ` (skipped: ${obstacle})`}`,
  () => {
    test.each(["ipv4", "ipv6"] as const)(
      "names the router behind which the path broke (%s)",
      { timeout: 120_000 },
      async (family) => {
        await using database = await createDatabase();
        await using nightbell = await startNightbell({ databaseUrl: database.url });
        using chain = createChain();
        const client = apiClient(nightbell.url);
        await client.register();
        const { body: job } = await client.post<Job>("/api/jobs", {
          title: "behind routers",
          type: "icmp",
          target: chain.target[family],
          cadenceSeconds: 0.5,
          options: { timeoutMs: 300 },
        });
        const summary = async () =>
          (await client.get<{ successCount: number; sampleCount: number }>(`/api/jobs/${job.id}/summary`))
            .body;
        await eventually(async () => expect((await summary()).successCount).toBeGreaterThan(2), {
          withinMs: 20_000,
        });
        chain.breakAfter(2, "silently");
        const alert = await evidenceOf(client, job);
        const router = chain.hops[1]?.[family];
        const text = `10 of 10 probes failed; the path ends after hop 2 (${router})`;
        expect(alert.evidence).toMatchObject([{ location: "default", state: "taken", text }]);
        expect(alert.timeline.map((event) => [event.kind, event.text])).toContainEqual([
          "evidence",
          `Evidence from default: ${text}`,
        ]);
        // A job of two slots a second has two samples a second, evidence or not.
        const seconds = (Date.now() - Date.parse(job.createdAt)) / 1_000;
        expect((await summary()).sampleCount).toBeLessThanOrEqual(2 * seconds + 2);
      },
    );
  },
);

test(
  "a poller killed while it takes evidence is followed by another one, and it is told once",
  {
    timeout: 120_000,
  },
  async () => {
    await using database = await createDatabase();
    await using nightbell = await startNightbell({ databaseUrl: database.url });
    const handle = openDatabase(database.url, { poolSize: 2, applicationName: "test" });
    try {
      const { db } = handle;
      const client = apiClient(nightbell.url);
      await client.register();
      const { body: job } = await client.post<Job>("/api/jobs", {
        title: "nobody listens",
        type: "tcp",
        target: "127.0.0.1:1",
        cadenceSeconds: 0.2,
      });
      await eventually(
        async () => {
          const rows = await db.selectFrom("alert_evidence").select("attempt").execute();
          expect(rows).toEqual([{ attempt: 1 }]);
        },
        { withinMs: 30_000, everyMs: 20 },
      );
      const pids = [...nightbell.output().matchAll(/"pollerPid":(\d+)/g)].map(([, pid]) => Number(pid));
      process.kill(pids.at(-1) ?? 0, "SIGKILL");
      expect(await db.selectFrom("alert_evidence").select("state").execute()).toEqual([
        { state: "requested" },
      ]);
      // What it held is taken by another one when the lease has run out.
      await db.updateTable("alert_evidence").set({ lease_until: new Date() }).execute();
      const alert = await evidenceOf(client, job);
      expect(alert.evidence).toMatchObject([{ state: "taken" }]);
      expect(alert.evidence[0]?.text).toMatch(/^10 of 10 probes failed; /);
      expect(alert.timeline.filter(({ kind }) => kind === "evidence")).toHaveLength(1);
      const rows = await db.selectFrom("alert_evidence").select(["attempt", "fencing_token"]).execute();
      expect(rows).toEqual([{ attempt: 2, fencing_token: 2 }]);
    } finally {
      await handle.close();
    }
  },
);
