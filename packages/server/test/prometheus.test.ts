// GET /probe and the series of jobs in /metrics, as Prometheus reads them (M20).
import { spawnSync } from "node:child_process";
import type { Job, Problem } from "@nightbell/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApi } from "../src/bin/roles/api.js";
import type { RunningApi } from "../src/bin/roles/role.js";
import { loadConfig } from "../src/config/config.js";
import { startPendingJobs } from "../src/features/jobs/index.js";
import { storeBatch } from "../src/features/samples/store.js";
import { ensurePartitions } from "../src/features/samples/index.js";
import { type DatabaseHandle, openDatabase } from "../src/platform/db.js";
import { createLogger } from "../src/platform/log.js";
import { type ApiClient, apiClient, createDatabase, type TestDatabase } from "./harness.js";
import { sampleAt } from "./samples.js";
import { closeServers, serveHttp } from "./servers.js";

let database: TestDatabase;
let handle: DatabaseHandle;
let api: RunningApi;
let owner: ApiClient;
const urlOf = () => `http://127.0.0.1:${api.port}`;

beforeAll(async () => {
  database = await createDatabase();
  handle = openDatabase(database.url, { poolSize: 5, applicationName: "prometheus-test" });
  await ensurePartitions(handle.db, Date.now());
  api = await startApi({
    config: loadConfig({ PORT: "0", OPEN_REGISTRATION: "true", JOB_METRICS_LIMIT: "2" }),
    database: handle,
    log: createLogger("error", "test"),
    lifecycle: () => "running",
    collectMetrics: async () => [],
    pollerTrouble: () => null,
  });
  owner = apiClient(urlOf());
  await owner.register();
});
afterAll(async () => {
  closeServers();
  await api.stop(5_000);
  await handle.close();
  await database.drop();
});

const probe = (query: Record<string, string>, client = owner) =>
  client.get<string>(`/probe?${new URLSearchParams(query).toString()}`);

it("answers a probe of a web server under the names of blackbox_exporter", async () => {
  const port = await serveHttp((_request, response) => response.end("hello"));
  const { status, body, headers } = await probe({ target: `127.0.0.1:${port}`, module: "http_2xx" });
  expect(status).toBe(200);
  expect(headers.get("content-type")).toContain("text/plain");
  expect(body).toContain("\nprobe_success 1\n");
  expect(body).toContain("\nprobe_http_status_code 200\n");
  expect(body).toContain("\nprobe_http_ssl 0\n");
  expect(body).toContain("\nprobe_ip_protocol 4\n");
  expect(body).toMatch(/\nprobe_dns_lookup_time_seconds \d/);
  expect(body).toMatch(/\nprobe_duration_seconds 0\.\d+/);
  for (const phase of ["resolve", "connect", "tls", "processing", "transfer"]) {
    expect(body).toMatch(new RegExp(`probe_http_duration_seconds\\{phase="${phase}"\\} [\\d.e-]+`));
  }
  passesPromtool(body);
});

it("says of a target that fails that it failed, and why", async () => {
  const port = await serveHttp((_request, response) => response.writeHead(503).end());
  const wrong = await probe({ target: `http://127.0.0.1:${port}/` });
  expect(wrong.body).toContain("\nprobe_success 0\n");
  expect(wrong.body).toContain("\nprobe_http_status_code 503\n");
  expect(wrong.body).toContain('nightbell_probe_failure_info{code="http_status"} 1');
  const dead = await probe({ target: "127.0.0.1:1", module: "tcp_connect" });
  expect(dead.body).toContain("\nprobe_success 0\n");
  expect(dead.body).toContain('code="connection_refused"');
  passesPromtool(dead.body);
});

it("ends a probe before Prometheus stops waiting", async () => {
  const port = await serveHttp(() => undefined);
  const answer = await owner.get<string>(`/probe?target=127.0.0.1:${port}`, {
    "x-prometheus-scrape-timeout-seconds": "0.6",
  });
  expect(answer.body).toContain("\nprobe_success 0\n");
  expect(answer.body).toContain('code="timeout"');
});

it("fails the scrape instead of blaming the target when the fault is ours", async () => {
  const denied = await owner.get<Problem>("/probe?target=169.254.169.254&module=icmp");
  expect(denied).toMatchObject({ status: 503, body: { code: "not_measured" } });
  expect(denied.body.detail).toMatch(/^address_denied: /);
});

it("refuses targets and modules that are none, strangers, and browsers that a link sends here", async () => {
  const nowhere = await owner.get<Problem>("/probe?target=nowhere&module=tcp_connect");
  expect(nowhere).toMatchObject({ status: 400, body: { errors: [{ path: "target" }] } });
  expect((await probe({ target: "127.0.0.1", module: "telnet" })).status).toBe(400);
  expect((await probe({ target: "127.0.0.1" }, apiClient(urlOf()))).status).toBe(401);
  const byCookie = await apiClient(urlOf()).get<Problem>("/probe?target=127.0.0.1", {
    cookie: `nightbell_session=${owner.token}`,
  });
  expect(byCookie).toMatchObject({
    status: 401,
    body: { detail: expect.stringContaining("a cookie is not enough") },
  });
});

it("shows an organisation's running jobs to its token, up to the limit, and to nobody else", async () => {
  const jobs: Job[] = [];
  for (const title of ["up", 'down "quoted"', "beyond the limit"]) {
    jobs.push(
      (await owner.post<Job>("/api/jobs", { title, type: "tcp", target: "127.0.0.1:1", cadenceSeconds: 1 }))
        .body,
    );
  }
  const startedAt = Date.now() - 60_000;
  const rows = await handle.db.selectFrom("jobs").select(["id", "job_no"]).execute();
  await startPendingJobs(
    handle.db,
    rows.map((row) => row.job_no),
    startedAt,
  );
  const grids = await handle.db.selectFrom("job_grids").select(["job_no", "from_slot"]).execute();
  const samples = grids.flatMap(({ job_no: jobNo, from_slot: from }) => {
    const isDown = rows.find((row) => row.job_no === jobNo)?.id === jobs[1]?.id;
    return Array.from({ length: 59 }, (_, k) =>
      sampleAt(
        from + k * 1_000,
        jobNo,
        isDown && k >= 45 ? { status: 1, rttUs: null, errorCode: "timeout" } : {},
      ),
    );
  });
  await storeBatch(handle, { samples, strays: [] }, Date.now());

  const { body } = await owner.get<string>("/metrics");
  const [up, down, beyond] = jobs as [Job, Job, Job];
  expect(body).toContain(`nightbell_job_up{job_id="${up.id}",title="up",type="tcp"} 1\n`);
  expect(body).toContain(`nightbell_job_rtt_seconds{job_id="${up.id}",title="up",type="tcp"} 0.01\n`);
  expect(body).toContain(`nightbell_job_loss_ratio{job_id="${up.id}",title="up",type="tcp"} 0\n`);
  expect(body).toContain(`nightbell_job_up{job_id="${down.id}",title="down \\"quoted\\"",type="tcp"} 0\n`);
  expect(body).not.toContain(`nightbell_job_rtt_seconds{job_id="${down.id}"`);
  expect(body).toMatch(new RegExp(`nightbell_job_loss_ratio\\{job_id="${down.id}".*\\} 0\\.\\d+\n`));
  expect(body).not.toContain(beyond.id);
  expect(body).toContain("\nnightbell_job_series_omitted 1\n");
  passesPromtool(body);

  const stranger = apiClient(urlOf());
  await stranger.register();
  expect((await stranger.get<string>("/metrics")).body).not.toContain("nightbell_job_up{");
  const anonymous = await apiClient(urlOf()).get<string>("/metrics", {
    cookie: `nightbell_session=${owner.token}`,
  });
  expect(anonymous.body).toContain("nightbell_http_request_duration_seconds");
  expect(anonymous.body).not.toContain("nightbell_job_");
  expect((await apiClient(urlOf()).get("/metrics", { authorization: "Bearer wrong" })).status).toBe(401);
});

/** Judged by Prometheus's own checker, where it is installed. */
function passesPromtool(text: string): void {
  const { error, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: text,
    encoding: "utf8",
  });
  expect(error === undefined ? `${stdout}${stderr}` : "").toBe("");
}
