// `npm run chaos [PATH]`: the chaos tests for longer than `npm test` runs them. SEED repeats a run, DURATION and OUTAGE are
// in seconds. Prints what was done and found as Markdown tables.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "nightbell-chaos-"));
const file = join(folder, "report");
const tests = process.argv.slice(2);
const { status } = spawnSync(
  join("node_modules", ".bin", "vitest"),
  ["run", "--no-file-parallelism", ...(tests.length === 0 ? ["packages/server/test/chaos"] : tests)],
  {
    cwd: root,
    env: {
      ...process.env,
      DURATION: process.env.DURATION ?? "300",
      OUTAGE: process.env.OUTAGE ?? "300",
      CHAOS_REPORT: file,
    },
    stdio: "inherit",
  },
);
const columns = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").map(JSON.parse) : [];
rmSync(folder, { recursive: true });
for (const title of new Set(columns.map((column) => column.title))) {
  console.log(
    `\n${table(
      title,
      columns.filter((column) => column.title === title),
    )}`,
  );
}
process.exitCode = status ?? 1;

/** A row for each thing found, a column for each run. */
function table(title, runs) {
  const names = [...new Set(runs.flatMap(({ values }) => Object.keys(values)))];
  const rows = [
    [title, ...runs.map(({ column }) => column)],
    ["---", ...runs.map(() => "--:")],
    ...names.map((name) => [name, ...runs.map(({ values }) => format(values[name]))]),
  ];
  return rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function format(value) {
  return typeof value === "number" ? value.toLocaleString("en") : (value ?? "");
}
