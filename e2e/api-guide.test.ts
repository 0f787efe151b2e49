// The five-minute tour of docs/guide/api.md, pasted into a shell.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { createDatabase, startNightbell } from "../packages/server/test/harness.js";

const guide = join(import.meta.dirname, "..", "docs", "guide", "api.md");

test("every command of the API guide does what it says", async () => {
  await using database = await createDatabase();
  await using nightbell = await startNightbell({ databaseUrl: database.url });
  const text = await readFile(guide, "utf8");
  const commands = [...text.matchAll(/^```bash\n([\s\S]*?)^```/gm)].map(([, block]) => block);
  const script = `set -euo pipefail\n${commands.join("\n")}`.replaceAll(
    "127.0.0.1:3000",
    new URL(nightbell.url).host,
  );
  const { stdout } = await promisify(execFile)("bash", ["-c", script], { timeout: 30_000 });
  for (const found of [
    '"email":"you@example.org"',
    '"status":"success"',
    '"sequenceNumber":',
    '"resolution":',
    '"p95RttMs":',
    '"type":"samples"',
    '"totalItems":1',
    '"status":"paused"',
    '"status":"cancelled"',
    '"code":"validation_failed"',
  ]) {
    expect(stdout).toContain(found);
  }
});
