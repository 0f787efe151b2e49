// Alert rules, alerts and maintenance windows over the API.
import type {
  Alert,
  AlertDetail,
  AlertDryRun,
  AlertPage,
  AlertRule,
  AlertRulePage,
  Job,
  JobFamily,
  MaintenanceWindow,
  Problem,
} from "@nightbell/contract";
import { describe, expect, it } from "vitest";
import { raiseSelfAlert, resolveSelfAlert } from "../src/features/alerts/index.js";
import type { SampleRecord } from "../src/features/samples/index.js";
import { storeBatch } from "../src/features/samples/store.js";
import { type ApiWorld, apiWorld } from "./api-world.js";
import { HandClock } from "./hand-clock.js";
import type { ApiClient } from "./harness.js";
import { sampleAt } from "./samples.js";

const missed = { kind: "missed", missed: 3, of: 5 } as const;

async function createJob(client: ApiClient, title = "web-1"): Promise<Job> {
  const body = { title, type: "icmp", target: "127.0.0.1", cadenceSeconds: 10 };
  return (await client.post<Job>("/api/jobs", body)).body;
}

async function createRule(client: ApiClient, more: object = {}): Promise<AlertRule> {
  const answer = await client.post<AlertRule>("/api/alert-rules", {
    name: "Rule",
    condition: missed,
    ...more,
  });
  expect(answer.status).toBe(201);
  return answer.body;
}

/** An alert as the evaluator raises it, by way of the tables. */
async function addAlert(
  { db }: ApiWorld,
  job: Job,
  rule: AlertRule,
  more: { openedAt?: number; status?: "open" | "resolved" } = {},
): Promise<string> {
  const { job_no, organisation_id } = await db
    .selectFrom("jobs")
    .select(["job_no", "organisation_id"])
    .where("id", "=", job.id)
    .executeTakeFirstOrThrow();
  const openedAt = new Date(more.openedAt ?? Date.now());
  const status = more.status ?? "open";
  const { id } = await db
    .insertInto("alerts")
    .values({
      id: crypto.randomUUID(),
      organisation_id,
      kind: "missed",
      status,
      severity: "critical",
      title: `${job.title}: 3 of the last 5 samples were missed`,
      rule_id: rule.id,
      rule_name: rule.name,
      job_id: job.id,
      job_no,
      job_title: job.title,
      started_at: openedAt,
      opened_at: openedAt,
      resolved_at: status === "resolved" ? openedAt : null,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  await db
    .insertInto("alert_events")
    .values({ alert_id: id, at: openedAt, kind: "opened", text: "Raised" })
    .execute();
  return id;
}

describe("alert rules", () => {
  it("begin with one that notices a target without an answer", async () => {
    await using world = await apiWorld();
    const owner = await world.owner();
    const { body } = await owner.get<AlertRulePage>("/api/alert-rules");
    expect(body.data).toMatchObject([
      {
        name: "No answer",
        selector: { kind: "all" },
        condition: { kind: "missed", missed: 3, of: 3, recovery: { successes: 2 } },
        quorum: 1,
        severity: "critical",
        isEnabled: true,
      },
    ]);
  });

  it("are created with defaults, edited by version, listed page by page, and deleted", async () => {
    await using world = await apiWorld();
    const owner = await world.owner();
    const rule = await createRule(owner, {
      condition: { kind: "latency", statistic: "p95", aboveMs: 200, windowSeconds: 300 },
      quorum: "all",
    });
    expect(rule).toMatchObject({
      condition: { measure: "rtt", minSamples: 5, recovery: { atMostMs: null, holdSeconds: 0 } },
      quorum: "all",
      version: 1,
    });
    const edited = await owner.patch<AlertRule>(
      `/api/alert-rules/${rule.id}`,
      { severity: "warning", quorum: 2 },
      { "if-match": '"1"' },
    );
    expect(edited.body).toMatchObject({
      severity: "warning",
      quorum: 2,
      version: 2,
      condition: rule.condition,
    });
    const late = await owner.patch<Problem>(
      `/api/alert-rules/${rule.id}`,
      { name: "x" },
      { "if-match": '"1"' },
    );
    expect([late.status, late.body.code]).toEqual([412, "version_conflict"]);
    for (let more = 0; more < 3; more += 1) await createRule(owner, { name: `Rule ${more}` });
    const names: string[] = [];
    for (let query = "?limit=2"; query !== "";) {
      const { data, pagination } = (await owner.get<AlertRulePage>(`/api/alert-rules${query}`)).body;
      expect(pagination.totalItems).toBe(5);
      names.push(...data.map(({ name }) => name));
      query = pagination.nextCursor === null ? "" : `?limit=2&cursor=${pagination.nextCursor}`;
    }
    expect(names).toEqual(["No answer", "Rule", "Rule 0", "Rule 1", "Rule 2"]);
    expect((await owner.delete(`/api/alert-rules/${rule.id}`)).status).toBe(204);
    expect((await owner.get(`/api/alert-rules/${rule.id}`)).status).toBe(404);
  });

  it("are refused with the field that is wrong", async () => {
    await using world = await apiWorld();
    const [owner, stranger] = [await world.owner(), await world.owner()];
    const foreign = await createJob(stranger);
    const wrong: [body: object, path: string][] = [
      [{ condition: { kind: "missed", missed: 4, of: 3 } }, "condition.missed"],
      [{ condition: { kind: "loss", abovePercent: 5, windowSeconds: 5 } }, "condition.windowSeconds"],
      [
        { condition: { kind: "loss", abovePercent: 5, windowSeconds: 60, recovery: { atMostPercent: 6 } } },
        "condition.recovery.atMostPercent",
      ],
      [{ selector: { kind: "jobs", jobIds: [foreign.id] } }, "selector.jobIds.0"],
      [{ quorum: 0 }, "quorum"],
      [{ colour: "red" }, "colour"],
    ];
    for (const [body, path] of wrong) {
      const answer = await owner.post<Problem>("/api/alert-rules", {
        name: "Rule",
        condition: missed,
        ...body,
      });
      expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, path]);
    }
  });

  it("resolve their alerts when what they ask changes, and when they are deleted", async () => {
    await using world = await apiWorld();
    const owner = await world.owner();
    const job = await createJob(owner);
    const rule = await createRule(owner);
    const alert = await addAlert(world, job, rule);
    const read = async () => (await owner.get<AlertDetail>(`/api/alerts/${alert}`)).body;
    await owner.patch(`/api/alert-rules/${rule.id}`, { name: "Renamed" });
    expect(await read()).toMatchObject({ status: "open", rule: { id: rule.id, name: "Rule" } });
    await owner.patch(`/api/alert-rules/${rule.id}`, { condition: { ...missed, of: 9 } });
    expect(await read()).toMatchObject({
      status: "resolved",
      resolution: "rule_changed",
      timeline: [{ kind: "opened" }, { kind: "resolved" }],
    });
    const other = await addAlert(world, job, rule);
    await owner.delete(`/api/alert-rules/${rule.id}`);
    expect((await owner.get<AlertDetail>(`/api/alerts/${other}`)).body).toMatchObject({
      resolution: "rule_deleted",
      rule: { id: null, name: "Rule" },
    });
  });
});

describe("alerts", () => {
  it("are listed newest first, by page and by cursor, and by each filter", async () => {
    await using world = await apiWorld();
    const owner = await world.owner();
    const [one, two] = [await createJob(owner, "one"), await createJob(owner, "two")];
    const rule = await createRule(owner);
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      const isLast = index === 4;
      const more = {
        openedAt: 1_790_000_000_000 + index * 1_000,
        status: isLast ? "open" : "resolved",
      } as const;
      ids.unshift(await addAlert(world, index % 2 === 0 ? one : two, rule, more));
    }
    const list = async (query: string) => (await owner.get<AlertPage>(`/api/alerts${query}`)).body;
    expect((await list("")).data.map(({ id }) => id)).toEqual(ids);
    const first = await list("?limit=2");
    expect(first.pagination).toMatchObject({ totalItems: 5, totalPages: 3, hasNextPage: true });
    const rest = await list(`?limit=3&cursor=${(await list("?limit=2")).pagination.nextCursor}`);
    expect([...first.data, ...rest.data].map(({ id }) => id)).toEqual(ids);
    expect((await list("?limit=2&page=3")).data.map(({ id }) => id)).toEqual(ids.slice(4));
    const shown = async (query: string) => (await list(query)).data.map(({ id }) => ids.indexOf(id));
    expect(await shown("?status=unresolved")).toEqual([0]);
    expect(await shown("?status=open")).toEqual([0]);
    expect(await shown("?status=resolved")).toEqual([1, 2, 3, 4]);
    expect(await shown(`?jobId=${two.id}`)).toEqual([1, 3]);
    expect(await shown(`?ruleId=${rule.id}&status=resolved&severity=critical`)).toEqual([1, 2, 3, 4]);
    expect(await shown("?severity=info")).toEqual([]);
  });

  it("about this installation are everybody's, and those of an organisation its own", async () => {
    await using world = await apiWorld();
    const [owner, stranger] = [await world.owner(), await world.owner()];
    const rule = await createRule(owner);
    const own = await addAlert(world, await createJob(owner), rule);
    const self = {
      key: "poller:1",
      title: "The poller east is gone",
      severity: "warning",
      organisationId: null,
    } as const;
    await raiseSelfAlert(world.db, { ...self, startedAt: Date.now() }, Date.now());
    await raiseSelfAlert(world.db, { ...self, startedAt: Date.now() }, Date.now());
    await resolveSelfAlert(world.db, "poller:1", Date.now());
    await resolveSelfAlert(world.db, "poller:1", Date.now());
    const seen = (await stranger.get<AlertPage>("/api/alerts")).body;
    expect(seen.data).toMatchObject([
      { kind: "self", status: "resolved", title: self.title, rule: null, job: null },
    ]);
    const id = seen.data[0]?.id ?? "";
    const detail = (await stranger.get<AlertDetail>(`/api/alerts/${id}`)).body;
    expect(detail.timeline.map(({ kind }) => kind)).toEqual(["opened", "resolved"]);
    const mine = (await owner.get<AlertPage>("/api/alerts")).body.data.map((alert: Alert) => alert.id);
    expect(mine.toSorted()).toEqual([own, id].toSorted());
    expect((await stranger.get(`/api/alerts/${own}`)).status).toBe(404);
  });
});

describe("a dry run", () => {
  it("says when a rule would have fired over recorded history", async () => {
    const clock = new HandClock();
    await using world = await apiWorld({ clock });
    const owner = await world.owner();
    const [job] = [await createJob(owner), await createJob(await world.owner(), "not mine")];
    const start = Math.floor(clock.now() / 10_000) * 10_000 - 600_000;
    const { job_no } = await world.db
      .selectFrom("jobs")
      .select("job_no")
      .where("id", "=", job.id)
      .executeTakeFirstOrThrow();
    await world.db
      .insertInto("job_grids")
      .values({
        job_no,
        from_slot: start,
        to_slot: null,
        cadence_ms: 10_000,
        first_sequence: start / 10_000,
        location_count: 1,
      })
      .execute();
    const samples = Array.from({ length: 60 }, (_, index): SampleRecord => {
      const isMissed = (index >= 20 && index < 30) || index >= 57;
      const slot = start + index * 10_000;
      return sampleAt(slot, job_no, {
        sequenceNumber: slot / 10_000,
        ...(isMissed && { status: 1, rttUs: null }),
      });
    });
    await storeBatch(world.database, { samples, strays: [] }, clock.now());
    const at = (index: number) => new Date(start + index * 10_000).toISOString();
    const rule = { name: "Rule", condition: { kind: "missed", missed: 3, of: 3 } };
    const window = {
      name: "Now",
      schedule: { kind: "once", from: at(55), to: new Date(start + 3_600_000).toISOString() },
    };
    await owner.post("/api/maintenance-windows", window);
    const { body } = await owner.post<AlertDryRun>("/api/alert-rules/dry-run", { rule, from: at(0) });
    expect(body).toMatchObject({
      from: at(0),
      jobCount: 1,
      alertCount: 2,
      jobs: [
        {
          job: { id: job.id, title: "web-1" },
          sampleCount: 60,
          firings: [
            { from: at(22), to: at(31), isSuppressed: false },
            { from: at(59), to: null, isSuppressed: true },
          ],
        },
      ],
    });
    const saved = await createRule(owner, { isEnabled: false });
    const answer = await owner.post<AlertDryRun>(`/api/alert-rules/${saved.id}/dry-run`, {
      from: at(25),
      to: at(40),
      jobIds: [job.id],
    });
    expect(answer.body.jobs[0]?.firings).toEqual([{ from: at(27), to: at(32), isSuppressed: false }]);
    const empty = await owner.post<Problem>(`/api/alert-rules/${saved.id}/dry-run`, {
      from: at(9),
      to: at(9),
    });
    expect([empty.status, empty.body.errors?.[0]?.path]).toEqual([400, "from"]);
  });
});

describe("maintenance windows", () => {
  it("say what is under way and what comes next", async () => {
    const clock = new HandClock();
    await using world = await apiWorld({ clock });
    const owner = await world.owner();
    const schedule = {
      kind: "recurring",
      cron: "0 3 * * SUN",
      durationMinutes: 90,
      timeZone: "Europe/Vienna",
    };
    const created = await owner.post<MaintenanceWindow>("/api/maintenance-windows", {
      name: "Sundays",
      schedule,
    });
    expect(created.status).toBe(201);
    const { id, occurrence } = created.body;
    expect(new Date(occurrence?.from ?? 0).getUTCDay()).toBe(0);
    clock.advance(Date.parse(occurrence?.from ?? "") - clock.now());
    const path = `/api/maintenance-windows/${id}`;
    expect((await owner.get<MaintenanceWindow>(path)).body).toMatchObject({ isActive: true, occurrence });
    const off = await owner.patch<MaintenanceWindow>(path, { isEnabled: false });
    expect(off.body).toMatchObject({ isActive: false, occurrence: null, version: 2, schedule });
    expect((await owner.delete(path)).status).toBe(204);
    expect((await owner.get(path)).status).toBe(404);
  });

  it("are refused with the field that is wrong", async () => {
    await using world = await apiWorld();
    const owner = await world.owner();
    const recurring = { kind: "recurring", cron: "0 3 * * *", durationMinutes: 60, timeZone: "UTC" };
    const wrong: [schedule: object, path: string][] = [
      [{ ...recurring, cron: "0 3 * *" }, "schedule.cron"],
      [{ ...recurring, cron: "0 25 * * *" }, "schedule.cron"],
      [{ ...recurring, timeZone: "Mars/Olympus" }, "schedule.timeZone"],
      [{ kind: "once", from: "2030-01-01T00:00:00Z", to: "2030-01-01T00:00:00Z" }, "schedule.to"],
    ];
    for (const [schedule, path] of wrong) {
      const answer = await owner.post<Problem>("/api/maintenance-windows", { name: "Window", schedule });
      expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, path]);
    }
  });
});

const relative = ({ id, title, target }: Job) => ({ id, title, target });

it("a job's parent is one of the organisation's, and never reached through the job", async () => {
  await using world = await apiWorld();
  const [owner, stranger] = [await world.owner(), await world.owner()];
  const [top, middle, bottom] = [await createJob(owner), await createJob(owner), await createJob(owner)];
  const foreign = await createJob(stranger);
  const put = (job: Job, parentId: string | null) =>
    owner.put<Problem>(`/api/jobs/${job.id}/parent`, { parentId });
  expect((await put(middle, top.id)).body).toEqual({ parentId: top.id });
  expect((await put(bottom, middle.id)).status).toBe(200);
  for (const [job, parentId] of [
    [top, bottom.id],
    [top, top.id],
    [top, foreign.id],
  ] as const) {
    const answer = await put(job, parentId);
    expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, "parentId"]);
  }
  const family = async (job: Job) => (await owner.get<JobFamily>(`/api/jobs/${job.id}/parent`)).body;
  expect(await family(middle)).toEqual({
    parentId: top.id,
    parent: relative(top),
    children: [relative(bottom)],
    childCount: 1,
  });
  expect((await put(middle, null)).status).toBe(200);
  expect((await put(top, bottom.id)).status).toBe(200);
  expect(await family(top)).toEqual({
    parentId: bottom.id,
    parent: relative(bottom),
    children: [],
    childCount: 0,
  });
  const others = await Promise.all(["b", "a", "c"].map((title) => createJob(owner, title)));
  for (const other of others) await put(other, middle.id);
  const titles = (await family(middle)).children.map(({ title }) => title);
  expect(titles).toEqual(["a", "b", "c", bottom.title]);
  expect((await stranger.get(`/api/jobs/${middle.id}/parent`)).status).toBe(404);
});
