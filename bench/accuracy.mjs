// The error of a measured RTT against a responder that reports the kernel's own times, while 2,000 other probes per second
// run: what packages/server/test/accuracy.test.ts measures, three times over.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "..");
const MEDIAN_BUDGET_US = 30;
const P99_BUDGET_US = 200;

/** @param {{ quick: boolean }} options */
export async function run({ quick }) {
  const errors = [];
  for (let round = 0; round < (quick ? 1 : 3); round += 1) errors.push(await measure());
  const probes = errors.reduce((sum, { count }) => sum + count, 0);
  const row = (name, value, budget) => ({
    name,
    value,
    unit: "µs",
    budget: `< ${budget}`,
    ok: value < budget,
    note: `beside 2,000 other probes/s; ${probes} probes in ${errors.length} rounds`,
  });
  return [
    row("RTT error, median", median(errors.map((each) => each.median)), MEDIAN_BUDGET_US),
    row("RTT error, p99", median(errors.map((each) => each.p99)), P99_BUDGET_US),
  ];
}

async function measure() {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "packages/server/test/accuracy.test.ts", "--disable-console-intercept"];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
  const found = /RTT error over (\d+) probes: median ([\d.]+) µs, p99 ([\d.]+) µs/.exec(stdout);
  if (found === null) throw new Error("the accuracy test was skipped; it says why: npx vitest run accuracy");
  const [count, median, p99] = found.slice(1).map(Number);
  return { count, median, p99 };
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) console.table(await run({ quick: true }));
