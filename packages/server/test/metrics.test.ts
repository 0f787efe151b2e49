// What /metrics says, judged by Prometheus's own checker.
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { apiClient, createDatabase, eventually, startNightbell } from "./harness.js";

const hasPromtool = spawnSync("promtool", ["--version"]).error === undefined;

// With CI=true its absence is a failure.
test.skipIf(!hasPromtool && process.env["CI"] === undefined)(
  "metrics of all processes pass promtool (skipped where it is not installed)",
  async () => {
    await using database = await createDatabase();
    await using nightbell = await startNightbell({ databaseUrl: database.url });
    const api = apiClient(nightbell.url);
    const text = await eventually(async () => {
      const { body } = await api.get<string>("/metrics");
      for (const part of [
        "poller_jobs",
        "samples_stored_total",
        "stream_connections",
        "http_request_duration",
      ]) {
        expect(body).toContain(`nightbell_${part}`);
      }
      return body;
    });
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: text,
      encoding: "utf8",
    });
    expect(`${stdout}${stderr}`).toBe("");
    expect(status).toBe(0);
  },
);
