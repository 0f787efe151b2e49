// Pollers that share the jobs of a location (M8): who joins, leaves, falls silent and comes back.
import { setTimeout as delay } from "node:timers/promises";
import { Registry } from "prom-client";
import type { Job, PollerPage } from "@nightbell/contract";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { startPoller } from "../src/bin/roles/poller.js";
import type { RunningPoller } from "../src/bin/roles/role.js";
import { loadConfig } from "../src/config/config.js";
import { BUCKETS, bucketOf, hasBucket } from "../src/features/pollers/buckets.js";
import { createUndertaker, deadPollers } from "../src/features/pollers/index.js";
import { Membership } from "../src/features/pollers/membership.js";
import { PostgresRoster } from "../src/features/pollers/roster.js";
import { systemClock } from "../src/platform/clock.js";
import { createLogger } from "../src/platform/log.js";
import { apiWorld, type ApiWorld } from "./api-world.js";
import { addOrganisation } from "./samples.js";
import { createFolder, eventually } from "./harness.js";
import { startProxy } from "./proxy.js";

const log = createLogger("silent", "test");
/** Within this a silent poller's jobs are others'. */
const TAKEOVER_MS = 5_000;

/** A second apart, so that a machine which stands still for a moment skips no slot. */
const CADENCE_MS = 1_000;
const simulatedJob = (title: string) => ({
  title,
  type: "tcp",
  target: "127.0.0.1:1",
  cadenceSeconds: CADENCE_MS / 1_000,
  monitoringMode: "simulated",
});

interface Member extends AsyncDisposable {
  readonly membership: Membership;
  readonly registry: Registry;
  /** How many buckets it holds. */
  size(): number;
}

/** A membership whose jobs are held the moment they are its own. */
async function join(
  url: string,
  name: string,
  offlineSince: () => number | null = () => null,
): Promise<Member> {
  const registry = new Registry();
  const membership = await Membership.join({
    roster: new PostgresRoster(url, { locationNo: 1, name }),
    place: { location: "default", organisationId: null },
    replica: null,
    load: () => ({
      jobCount: 0,
      samplesPerSecond: 0,
      latenessP99Ms: null,
      references: { targets: [], offlineSince: offlineSince(), offlinePeriods: [] },
    }),
    clock: systemClock,
    log,
    registry,
  });
  const holding = setInterval(() => membership.taken(membership.current()), 20);
  return {
    membership,
    registry,
    size: () => sizeOf(membership),
    async [Symbol.asyncDispose]() {
      clearInterval(holding);
      await membership.leave();
    },
  };
}

function sizeOf(membership: Membership): number {
  const { part } = membership.current();
  if (part.mode !== "live") throw new Error("not shared live");
  const { buckets } = part;
  return Array.from({ length: BUCKETS }, (_, bucket) => bucket).filter((bucket) => hasBucket(buckets, bucket))
    .length;
}

async function takeovers({ registry }: Member): Promise<number> {
  const metric = await registry.getSingleMetric("nightbell_poller_takeovers_total")?.get();
  return metric?.values[0]?.value ?? Number.NaN;
}

async function pollerOf(
  { database }: ApiWorld,
  environment: Record<string, string> = {},
): Promise<RunningPoller> {
  const config = loadConfig({
    NIGHTBELL_DATA_DIR: await createFolder(),
    BATCH_FLUSH_INTERVAL_MS: "100",
    ...environment,
  });
  return startPoller({ config, database, log, lifecycle: () => "running" });
}

describe.concurrent("members", () => {
  it("share all buckets, and each knows of the others", async () => {
    await using world = await apiWorld();
    await using first = await join(world.database.url, "first");
    expect(first.size()).toBe(BUCKETS);
    await using second = await join(world.database.url, "second");
    await eventually(() => expect(first.size() + second.size()).toBe(BUCKETS));
    await using third = await join(world.database.url, "third");
    await eventually(() => expect(first.size() + second.size() + third.size()).toBe(BUCKETS));
    for (const member of [first, second, third]) expect(member.size()).toBeLessThan(BUCKETS / 2);
  });

  it("keep theirs until one that joins holds its share", async () => {
    await using world = await apiWorld();
    await using first = await join(world.database.url, "first");
    await eventually(async () => {
      const states = await world.db.selectFrom("pollers").select("state").execute();
      expect(states).toEqual([{ state: "active" }]);
    });
    const second = await Membership.join({
      roster: new PostgresRoster(world.database.url, { locationNo: 1, name: "slow" }),
      place: { location: "default", organisationId: null },
      replica: null,
      load: () => ({ jobCount: 0, samplesPerSecond: 0, latenessP99Ms: null }),
      clock: systemClock,
      log,
      registry: new Registry(),
    });
    const seen = await world.db
      .selectFrom("pollers")
      .select("lease_until")
      .where("id", "=", second.id)
      .execute();
    await eventually(async () => {
      const [row] = await world.db.selectFrom("pollers").selectAll().where("id", "=", second.id).execute();
      expect(row?.state).toBe("joining");
      expect(Number(row?.lease_until) - Number(seen[0]?.lease_until)).toBeGreaterThan(1_200);
    });
    expect(first.size()).toBe(BUCKETS);
    second.taken(second.current());
    await eventually(() => expect(first.size() + sizeOf(second)).toBe(BUCKETS));
    await second.leave();
  });

  it("take over from one that leaves before it has gone", async () => {
    await using world = await apiWorld();
    await using first = await join(world.database.url, "first");
    const second = await join(world.database.url, "second");
    await eventually(() => expect(first.size()).toBeLessThan(BUCKETS));
    await second.membership.handOver(5_000);
    expect(first.size()).toBe(BUCKETS);
    await second[Symbol.asyncDispose]();
    expect(await takeovers(first)).toBe(0);
    expect(await world.db.selectFrom("pollers").select("name").execute()).toEqual([{ name: "first" }]);
  });

  it("that are alone leave at once", async () => {
    await using world = await apiWorld();
    await using only = await join(world.database.url, "only");
    const startedAt = performance.now();
    await only.membership.handOver(5_000);
    expect(performance.now() - startedAt).toBeLessThan(400);
  });

  it("take over from one that is silent within 5 s, and give back when it returns", async () => {
    await using world = await apiWorld();
    await using first = await join(world.database.url, "first");
    await using proxy = await startProxy(world.database.url);
    await using second = await join(proxy.url, "second");
    await eventually(() => expect(first.size()).toBeLessThan(BUCKETS));
    const share = second.size();
    const bury = createUndertaker(world.db, systemClock);

    proxy.freeze();
    await eventually(
      async () => {
        await bury();
        expect(first.size()).toBe(BUCKETS);
      },
      { withinMs: TAKEOVER_MS },
    );
    expect(second.size(), "goes on with what it has").toBe(share);
    expect(await takeovers(first)).toBe(1);
    const [dead] = await eventually(async () => {
      await bury();
      const found = await deadPollers(world.db);
      expect(found).toHaveLength(1);
      return found;
    });
    expect(dead).toMatchObject({
      id: second.membership.id,
      name: "second",
      location: "default",
      isBack: false,
    });

    await using replacement = await join(world.database.url, "second");
    await eventually(async () => {
      expect(await deadPollers(world.db)).toMatchObject([{ isBack: true }]);
    });
    await replacement.membership.handOver(5_000);
    await proxy.mend();
    await eventually(
      async () => {
        expect(second.size()).toBe(share);
        expect(first.size()).toBe(BUCKETS - share);
        expect(await deadPollers(world.db)).toEqual([]);
      },
      { withinMs: 15_000 },
    );
  }, 40_000);

  it("hand over while they are offline and another is online, and are given their share back", async () => {
    await using world = await apiWorld();
    const since: [number | null, number | null] = [null, null];
    await using first = await join(world.database.url, "first", () => since[0]);
    await using second = await join(world.database.url, "second", () => since[1]);
    const sizes = () => [first.size(), second.size()];
    const states = async () => {
      const rows = await world.db.selectFrom("pollers").select("state").orderBy("name").execute();
      return rows.map(({ state }) => state);
    };
    await eventually(async () => {
      expect(first.size() + second.size()).toBe(BUCKETS);
      expect(await states()).toEqual(["active", "active"]);
    });
    const shares = sizes();

    since[1] = Date.now();
    await eventually(async () => {
      expect(sizes()).toEqual([BUCKETS, 0]);
      expect(await states()).toEqual(["active", "joining"]);
    });
    expect([await takeovers(first), await takeovers(second)]).toEqual([0, 0]);

    // Nobody is online: each measures its own again, as nobody can do better.
    since[0] = Date.now();
    await eventually(async () => {
      expect(sizes()).toEqual(shares);
      expect(await states()).toEqual(["active", "active"]);
    });

    since[0] = null;
    await eventually(() => expect(sizes()).toEqual([BUCKETS, 0]));
    since[1] = null;
    await eventually(() => expect(sizes()).toEqual(shares));
  });

  it("keep their shares through an outage of the database, and nobody is called dead", async () => {
    await using world = await apiWorld();
    await using proxy = await startProxy(world.database.url);
    await using first = await join(proxy.url, "first");
    await using second = await join(proxy.url, "second");
    await eventually(() => expect(first.size() + second.size()).toBe(BUCKETS));
    const shares = [first.size(), second.size()];
    const bury = createUndertaker(world.db, systemClock);
    await bury();

    await proxy.cut();
    await eventually(
      async () => {
        const { rows } = await sql<{ lapsed: boolean }>`
          select bool_and(lease_until < now() - interval '1 second') as lapsed from pollers`.execute(
          world.db,
        );
        expect(rows[0]?.lapsed).toBe(true);
      },
      { withinMs: 10_000 },
    );
    await proxy.mend();
    const backAt = performance.now();
    await eventually(
      async () => {
        // The scheduler had lost the database too.
        await bury();
        expect([first.size(), second.size()]).toEqual(shares);
        expect(performance.now() - backAt).toBeGreaterThan(4_000);
      },
      { withinMs: 10_000, everyMs: 500 },
    );
    expect(await deadPollers(world.db)).toEqual([]);
    expect([await takeovers(first), await takeovers(second)]).toEqual([0, 0]);
  }, 40_000);

  it("take over from one that leaves the moment the database is back", async () => {
    await using world = await apiWorld();
    await using proxy = await startProxy(world.database.url);
    await using first = await join(proxy.url, "first");
    await using second = await join(proxy.url, "second");
    await eventually(() => expect(first.size() + second.size()).toBe(BUCKETS));
    await proxy.cut();
    await eventually(
      async () => {
        const { rows } = await sql<{ lapsed: boolean }>`
          select bool_and(lease_until < now()) as lapsed from pollers`.execute(world.db);
        expect(rows[0]?.lapsed).toBe(true);
      },
      { withinMs: 10_000 },
    );
    await delay(500); // until both know that their leases have run out
    await proxy.mend();
    await second.membership.handOver(8_000);
    expect(first.size()).toBe(BUCKETS);
  }, 40_000);
});

it("SQL and the program agree on the bucket of a job", async () => {
  await using world = await apiWorld();
  const jobNos = [1, 2, 8_191, 8_192, 123_456_789, 2_147_483_647];
  const { rows } = await sql<{ bucket: number }>`
    select job_bucket(job_no) as bucket from unnest(${jobNos}::int[]) as job_no`.execute(world.db);
  expect(rows.map(({ bucket }) => bucket)).toEqual(jobNos.map(bucketOf));
});

describe("pollers", () => {
  it("leave no gap when one joins, nor when one stops, and share the jobs in between", async () => {
    await using world = await apiWorld();
    const client = await world.owner();
    const first = await pollerOf(world);
    const jobs = await Promise.all(
      Array.from({ length: 24 }, async (_, index) => {
        const { body } = await client.post<Job>("/api/jobs", simulatedJob(`job ${index}`));
        return body.id;
      }),
    );
    const slotsOf = async () => {
      const rows = await world.db
        .selectFrom("samples")
        .innerJoin("jobs", "jobs.job_no", "samples.job_no")
        .select(["jobs.id", "slot"])
        .orderBy("slot")
        .execute();
      return jobs.map((id) => rows.filter((row) => row.id === id).map(({ slot }) => slot));
    };
    const measuredSince = async (time: number) => {
      for (const slots of await slotsOf()) expect(slots.at(-1)).toBeGreaterThan(time);
    };
    await eventually(() => measuredSince(0));
    const second = await pollerOf(world);
    const pollers = async () => (await client.get<PollerPage>("/api/pollers")).body.data;
    await eventually(async () => {
      const shares = await pollers();
      expect(shares.map(({ state }) => state)).toEqual(["active", "active"]);
      expect(shares[0]?.jobCount).toBeGreaterThan(0);
      expect(shares[1]?.jobCount).toBeGreaterThan(0);
      expect(Number(shares[0]?.jobCount) + Number(shares[1]?.jobCount)).toBe(jobs.length);
    });
    const joinedAt = Date.now();
    await eventually(() => measuredSince(joinedAt + 500));
    await first.stop(5_000);
    const stoppedAt = Date.now();
    await eventually(() => measuredSince(stoppedAt + 500));
    expect(await pollers()).toMatchObject([{ state: "active", jobCount: jobs.length }]);
    await second.stop(5_000);
    for (const slots of await slotsOf()) {
      const steps = slots.slice(1).map((slot, index) => slot - Number(slots[index]));
      expect(steps.filter((step) => step !== CADENCE_MS)).toEqual([]);
    }
  });

  it("are shown to every organisation with the load of all, and of jobs only its own", async () => {
    await using world = await apiWorld();
    const [client, stranger] = [await world.owner(), await world.owner()];
    await client.post("/api/jobs", simulatedJob("mine"));
    const poller = await pollerOf(world, { POLLER_NAME: "night-1" });
    const foreign = await addOrganisation(world.database);
    await sql`insert into locations (organisation_id, name) values (${foreign}, 'their-cellar')`.execute(
      world.db,
    );
    await sql`
      insert into pollers (id, location_no, name, kind, state, lease_until, buckets, stats)
      select gen_random_uuid(), location_no, 'hidden', 'local', 'active', now() + interval '1 hour',
        decode(repeat('00', 1024), 'hex'), '{}'
      from locations where name = 'their-cellar'`.execute(world.db);
    const seenBy = async (account: typeof client) =>
      (await account.get<PollerPage>("/api/pollers?limit=5")).body;
    await eventually(async () => {
      expect(await seenBy(client)).toMatchObject({
        data: [
          {
            name: "night-1",
            location: "default",
            kind: "local",
            sharing: "live",
            state: "active",
            jobCount: 1,
          },
        ],
        pagination: { totalItems: 1, hasNextPage: false, nextCursor: null },
      });
      const [shown] = (await seenBy(stranger)).data;
      expect(shown).toMatchObject({ name: "night-1", jobCount: 0, diedAt: null });
      expect(shown?.samplesPerSecond).toBeGreaterThan(0.5);
      expect(shown?.latenessP99Ms).toBeGreaterThan(0);
      expect(shown?.leaseAgeMs).toBeLessThan(2_000);
      expect(Math.abs(shown?.clockOffsetMs ?? Infinity)).toBeLessThan(1_000);
    });
    await poller.stop(5_000);
  });

  it("in static mode are shown with what is theirs, and share nothing", async () => {
    await using world = await apiWorld();
    const client = await world.owner();
    for (let index = 0; index < 12; index += 1) await client.post("/api/jobs", simulatedJob(`job ${index}`));
    const replicas = [
      await pollerOf(world, { POLLER_NAME: "a", REPLICA_COUNT: "2", REPLICA_ID: "0" }),
      await pollerOf(world, { POLLER_NAME: "b", REPLICA_COUNT: "2", REPLICA_ID: "1" }),
    ];
    await eventually(async () => {
      const { data } = (await client.get<PollerPage>("/api/pollers")).body;
      expect(data).toMatchObject([
        { name: "a", sharing: "static", state: "active" },
        { name: "b", sharing: "static", state: "active" },
      ]);
      expect(Number(data[0]?.jobCount) + Number(data[1]?.jobCount)).toBe(12);
      expect(data[0]?.jobCount).toBeGreaterThan(0);
    });
    for (const replica of replicas) await replica.stop(2_000);
  });
});
