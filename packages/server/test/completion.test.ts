// What follows the completion of a job: its summary, and an email through a real SMTP server (M14).
import { inflateSync } from "node:zlib";
import type { Job, Mail, Summary } from "@nightbell/contract";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startApi } from "../src/bin/roles/api.js";
import type { RunningApi } from "../src/bin/roles/role.js";
import { startWorker } from "../src/bin/roles/worker.js";
import { loadConfig } from "../src/config/config.js";
import { completeJobs, startPendingJobs } from "../src/features/jobs/index.js";
import { ensurePartitions } from "../src/features/samples/index.js";
import { type DatabaseHandle, openDatabase } from "../src/platform/db.js";
import { createLogger } from "../src/platform/log.js";
import {
  type ApiClient,
  apiClient,
  createDatabase,
  eventually,
  execute,
  startNightbell,
  type TestDatabase,
} from "./harness.js";
import { type MailServer, startMailServer } from "./mail-server.js";

const MAIL_FROM = "Nightbell <nightbell@example.org>";
const MINUTE_MS = 60_000;
const log = createLogger("silent", "test");

let database: TestDatabase;
let handle: DatabaseHandle;
let api: RunningApi;
let client: ApiClient;
let email: string;

beforeAll(async () => {
  database = await createDatabase();
  handle = openDatabase(database.url, { poolSize: 20, applicationName: "completion" });
  await ensurePartitions(handle.db, Date.now() - 60 * MINUTE_MS);
  await ensurePartitions(handle.db, Date.now());
  api = await startApi({
    config: loadConfig({ PORT: "0", OPEN_REGISTRATION: "true" }),
    database: handle,
    log,
    lifecycle: () => "running",
    collectMetrics: async () => [],
    pollerTrouble: () => null,
  });
  client = apiClient(`http://127.0.0.1:${api.port}`);
  ({ email } = await client.register({ name: "Ada Lovelace" }));
});
afterAll(async () => {
  await api.stop(1_000);
  await handle.close();
  await database.drop();
});

/** The role, on the test's database. */
async function startWorkerRole(environment: Record<string, string> = {}) {
  const running = await startWorker({
    config: loadConfig(environment),
    database: handle,
    log,
    lifecycle: () => "running",
  });
  return {
    metrics: () => running.metrics(),
    /** Resolves when the mail about the job has become that. */
    until: (job: Job, mail: object) =>
      eventually(async () => expect(await mailAbout(job)).toMatchObject(mail)),
    [Symbol.asyncDispose]: () => running.stop(1_000),
  };
}

const workerWith = ({ url }: MailServer) =>
  startWorkerRole({ SMTP_URL: url, MAIL_FROM, PUBLIC_URL: "https://nightbell.example.org/" });

async function numberOf(job: Job): Promise<number> {
  const row = await handle.db
    .selectFrom("jobs")
    .select("job_no")
    .where("id", "=", job.id)
    .executeTakeFirstOrThrow();
  return row.job_no;
}

/** A job of twenty slots, the last two minutes ago. Its samples are to be added. */
async function startedJob(title: string, endedMsAgo = 2 * MINUTE_MS): Promise<Job> {
  const { body } = await client.post<Job>("/api/jobs", {
    title,
    type: "tcp",
    target: "127.0.0.1:1",
    cadenceSeconds: 1,
    durationSeconds: 20,
  });
  await startPendingJobs(handle.db, [await numberOf(body)], Date.now() - endedMsAgo - 21_000);
  return body;
}

/** The first `lost` of those slots without an answer; the RTT of slot k is k + 1 ms. */
async function addSamples(job: Job, { from = 0, to = 20, lost = 0 } = {}): Promise<void> {
  await sql`
    insert into samples (slot, job_no, location_no, status, rtt_us, lateness_us, sequence_number, recorded_at)
    select from_slot + k * job_grids.cadence_ms, job_no, 1, (k < ${lost})::int,
      case when k < ${lost} then null else (k + 1) * 1000 end, 0, k, now()
    from job_grids join jobs using (job_no), generate_series(${from}::int, ${to - 1}::int) as k
    where jobs.id = ${job.id}`.execute(handle.db);
}

async function complete(job: Job): Promise<void> {
  const jobNo = await numberOf(job);
  expect(await completeJobs(handle.db, [jobNo], Date.now())).toEqual([jobNo]);
  expect(await completeJobs(handle.db, [jobNo], Date.now())).toEqual([]);
}

async function completedJob(title = "Gateway", lost = 0): Promise<Job> {
  const job = await startedJob(title);
  await addSamples(job, { lost });
  await complete(job);
  return job;
}

async function mailsAbout(job: Job): Promise<Mail[]> {
  return (await client.get<{ data: Mail[] }>(`/api/jobs/${job.id}/mails`)).body.data;
}

async function mailAbout(job: Job): Promise<Mail> {
  const [mail] = await mailsAbout(job);
  if (mail === undefined) throw new Error("there is no mail");
  return mail;
}

/** As if the time of the next attempt, or the end of a dead worker's lease, had come. */
function hurry(job: Job): Promise<unknown> {
  return sql`
    update mails set due_at = now(), lease_until = case when lease_until is not null then now() end
    where job_id = ${job.id} and due_at is not null`.execute(handle.db);
}

describe("a completed job", () => {
  test("has its summary stored, and its requester is told in text, HTML and a chart", async () => {
    await using server = await startMailServer();
    await using worker = await workerWith(server);
    const job = await completedJob("Gateway <b>& co</b>", 2);
    await worker.until(job, { status: "sent" });
    expect(server.received).toHaveLength(1);
    const [mail] = server.received;
    const recorded = await mailAbout(job);
    expect(recorded).toMatchObject({
      kind: "job_completed",
      recipient: email,
      attempts: 1,
      error: null,
      messageId: mail?.parsed.messageId,
      nextAttemptAt: null,
    });
    expect(Date.now() - Date.parse(recorded.sentAt ?? "")).toBeLessThan(MINUTE_MS);
    expect(mail).toMatchObject({ from: "nightbell@example.org", to: [email] });
    expect(mail?.parsed).toMatchObject({
      subject: "Completed: Gateway <b>& co</b>",
      from: { name: "Nightbell", address: "nightbell@example.org" },
      to: [{ name: "Ada Lovelace", address: email }],
    });
    for (const part of [mail?.parsed.text, mail?.parsed.html]) {
      expect(part).toContain("2 of 20 probes were lost (10 %).");
      expect(part).toContain(`https://nightbell.example.org/jobs/${job.id}`);
      expect(part).toMatch(/Average RTT[^]{1,150}>?\b11\.5 ms/);
      expect(part).toMatch(/Slowest[^]{1,150}>?\b20 ms/);
    }
    expect(mail?.parsed.html).toContain("Gateway &lt;b&gt;&amp; co&lt;/b&gt;");
    const [chart] = mail?.parsed.attachments ?? [];
    expect(mail?.parsed.html).toContain(`cid:${chart?.contentId?.replace(/[<>]/g, "")}`);
    expect(barsOf(Buffer.from(chart?.content as ArrayBuffer))).toEqual({ answered: 18, lost: 2 });

    const { body: stored } = await client.get<Summary>(`/api/jobs/${job.id}/summary`);
    expect(stored).toMatchObject({ sampleCount: 20, expectedCount: 20, missedCount: 2, p50RttMs: 11 });
    // It is the stored one: samples may go, it stays.
    await sql`delete from samples where job_no = ${await numberOf(job)}`.execute(handle.db);
    expect((await client.get<Summary>(`/api/jobs/${job.id}/summary`)).body).toEqual(stored);
  });

  test("whose last samples are still missing waits for them, and for no more than their time", async () => {
    await using server = await startMailServer();
    await using worker = await workerWith(server);
    const late = await startedJob("late", 0);
    await addSamples(late, { to: 18 });
    await complete(late);
    expect(await mailAbout(late)).toMatchObject({ status: "waiting", attempts: 0, nextAttemptAt: null });
    await addSamples(late, { from: 18 });
    await worker.until(late, { status: "sent" });
    expect(server.received[0]?.parsed.text).toMatch(/Samples:\s+20\n/);

    // Its probes' time is long over: what is missing now is a gap, which later samples may fill all the same.
    const gappy = await startedJob("gappy");
    await addSamples(gappy, { to: 18 });
    await complete(gappy);
    await worker.until(gappy, { status: "sent" });
    expect(server.received[1]?.parsed.text).toMatch(/Samples:\s+18, 2 missing\n/);
    await addSamples(gappy, { from: 18 });
    const { body } = await client.get<Summary>(`/api/jobs/${gappy.id}/summary`);
    expect(body).toMatchObject({ sampleCount: 20, expectedCount: 20 });
  });

  test("cannot smuggle headers or recipients in by its title", async () => {
    await using server = await startMailServer();
    await using worker = await workerWith(server);
    const job = await completedJob("Gateway\r\nBcc: eve@example.org\r\n\r\nHello");
    await worker.until(job, { status: "sent" });
    const [mail] = server.received;
    expect(mail?.to).toEqual([email]);
    expect(mail?.parsed.headers.map(({ key }) => key)).not.toContain("bcc");
    expect(mail?.parsed.subject).toBe("Completed: Gateway Bcc: eve@example.org Hello");
  });

  test("tells nobody who does not want it, and only members of its organisation", async () => {
    await using server = await startMailServer();
    await using worker = await workerWith(server);
    await client.patch("/api/profile", { completionEmails: false });
    const quiet = await completedJob("quiet");
    await client.patch("/api/profile", { completionEmails: true });
    const loud = await completedJob("loud");
    await worker.until(loud, { status: "sent" });
    expect(await mailsAbout(quiet)).toEqual([]);
    expect(server.received).toHaveLength(1);
    const stranger = apiClient(`http://127.0.0.1:${api.port}`);
    await stranger.register();
    expect((await stranger.get(`/api/jobs/${loud.id}/mails`)).status).toBe(404);
  });

  test("records that nothing is sent where no mail server is set up, and takes its mail along when deleted", async () => {
    await using worker = await startWorkerRole();
    const job = await completedJob();
    await worker.until(job, {
      status: "not_sent",
      error: "no mail server is set up here; the operator sets SMTP_URL",
      sentAt: null,
      nextAttemptAt: null,
    });
    expect(JSON.stringify(await worker.metrics())).toContain('"outcome":"not_sent"');
    expect((await client.delete(`/api/jobs/${job.id}`)).status).toBe(204);
    expect(await handle.db.selectFrom("mails").select("id").where("job_id", "=", job.id).execute()).toEqual(
      [],
    );
  });
});

describe("a mail", () => {
  test("is sent when the server that was down is up again", async () => {
    const gone = await startMailServer();
    await gone.stop();
    await using worker = await workerWith(gone);
    const job = await completedJob();
    await worker.until(job, {
      status: "waiting",
      attempts: 1,
      error: expect.stringContaining(`the mail server 127.0.0.1:${gone.port} cannot be used`) as string,
      nextAttemptAt: expect.any(String) as string,
    });
    await using server = await startMailServer({ port: gone.port });
    await hurry(job);
    await worker.until(job, { status: "sent", attempts: 2, error: null });
    expect(server.received).toHaveLength(1);
  });

  test("refused for now is tried again; refused for good is not", async () => {
    await using server = await startMailServer();
    await using worker = await workerWith(server);
    server.refuseRecipient = { code: 451, text: "greylisted" };
    const job = await completedJob();
    await worker.until(job, {
      status: "waiting",
      attempts: 1,
      error: expect.stringContaining("451 greylisted") as string,
    });
    const { messageId, nextAttemptAt } = await mailAbout(job);
    expect(Date.parse(nextAttemptAt ?? "")).toBeGreaterThan(Date.now() + 5_000);
    server.refuseRecipient = null;
    await hurry(job);
    await worker.until(job, { status: "sent", messageId });

    server.refuseRecipient = { code: 550, text: "no such user" };
    const refused = await completedJob();
    await worker.until(refused, {
      status: "failed",
      attempts: 1,
      error: `the mail server 127.0.0.1:${server.port} refused the message: 550 no such user`,
      nextAttemptAt: null,
    });
    const metrics = JSON.stringify(await worker.metrics());
    for (const outcome of ["sent", "retried", "failed"]) expect(metrics).toContain(`"outcome":"${outcome}"`);
  });

  test("whose worker died at every attempt is given up in the end", async () => {
    await using server = await startMailServer();
    const job = await completedJob();
    await sql`update mails set attempt = 36 where job_id = ${job.id}`.execute(handle.db);
    await using worker = await workerWith(server);
    await worker.until(job, { status: "failed" });
    expect(server.received).toEqual([]);
  });
});

describe("the whole program", () => {
  test(
    "killed after the server took the mail and before that is recorded, sends it again recognisably",
    { timeout: 120_000 },
    async () => {
      await using own = await createDatabase();
      await using server = await startMailServer();
      const env = { SMTP_URL: server.url, MAIL_FROM };
      const received = () => server.received.length;
      // It is never told that the server has taken the message.
      let isConfirming = false;
      server.beforeConfirming = () => (isConfirming ? Promise.resolve() : new Promise(() => undefined));
      let jobId = "";
      let token: string | null = null;
      {
        await using first = await startNightbell({ databaseUrl: own.url, env });
        const owner = apiClient(first.url);
        await owner.register();
        ({ token } = owner);
        const { body } = await owner.post<Job>("/api/jobs", {
          title: "short",
          type: "icmp",
          target: "127.0.0.1",
          cadenceSeconds: 0.2,
          durationSeconds: 1,
          monitoringMode: "simulated",
        });
        jobId = body.id;
        await eventually(() => expect(received()).toBe(1), { withinMs: 45_000 });
        await first.kill9();
      }
      isConfirming = true;
      await execute(own.url, "update mails set lease_until = now() where lease_until is not null");
      await using second = await startNightbell({ databaseUrl: own.url, env });
      const owner = apiClient(second.url);
      owner.token = token;
      await eventually(
        async () => {
          const { body } = await owner.get<{ data: Mail[] }>(`/api/jobs/${jobId}/mails`);
          expect(body.data).toMatchObject([{ status: "sent", attempts: 2 }]);
        },
        { withinMs: 45_000 },
      );
      expect(received()).toBe(2);
      const [once, again] = server.received.map(({ parsed }) => parsed.messageId);
      expect(once).toMatch(/^<[\w-]+@example\.org>$/);
      expect(again).toBe(once);
      const metrics = await (await fetch(new URL("/metrics", second.url))).text();
      expect(metrics).toContain('nightbell_mail_attempts_total{outcome="sent"} 1');
    },
  );
});

const isLost = ([red = 0, green = 0, , opacity]: number[]) => opacity === 255 && red > 2 * green;
const isRtt = ([red = 0, , blue = 0, opacity]: number[]) => opacity === 255 && blue > 2 * red;

/** How many bars of each kind the picture shows, read from its pixels. */
function barsOf(png: Buffer): { answered: number; lost: number } {
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const rows = inflateSync(png.subarray(41, 41 + png.readUInt32BE(33)));
  const pixel = (x: number, y: number) => [...rows.subarray(y * (1 + width * 4) + 1 + x * 4).subarray(0, 4)];
  const counts = { answered: 0, lost: 0 };
  const seen = { answered: false, lost: false };
  for (let x = 0; x < width; x += 1) {
    const column = Array.from({ length: height }, (_, y) => pixel(x, y));
    const now = { answered: column.some(isRtt), lost: column.some(isLost) };
    for (const kind of ["answered", "lost"] as const) {
      if (now[kind] && !seen[kind]) counts[kind] += 1;
      seen[kind] = now[kind];
    }
  }
  return counts;
}
