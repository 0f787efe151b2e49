// `npm run chaos`: the chaos tests for longer than `npm test` runs them. SEED repeats a run, DURATION is in seconds.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { status } = spawnSync(join("node_modules", ".bin", "vitest"), ["run", "packages/server/test/chaos"], {
  cwd: root,
  env: { ...process.env, DURATION: process.env.DURATION ?? "300" },
  stdio: "inherit",
});
process.exitCode = status ?? 1;
