// `npm run verify`: everything that keeps the code honest without running the program. Every step runs, even after
// one fails; the summary names them all. `npm run verify -- lint docs` runs only the named steps.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tool = (name) => join("node_modules", ".bin", name);
const script = (name, ...args) => [process.execPath, join("scripts", name), ...args];

/** Types come before lint: the type-aware rules read the declarations that the compiler writes. */
const steps = [
  { name: "format", command: [tool("oxfmt"), "--check"] },
  { name: "types", command: [tool("tsc"), "-b"] },
  { name: "lint", command: [tool("oxlint"), "--deny-warnings"] },
  { name: "unused", command: [tool("knip")] },
  { name: "boundaries", command: script("check-boundaries.mjs") },
  {
    name: "checks bite",
    command: [tool("vitest"), "run", "--config", "scripts/vitest.config.mjs", "--reporter", "dot"],
  },
  { name: "docs", command: script("check-docs.mjs") },
  { name: "reference", command: script("docs.mjs", "--check") },
  { name: "dependencies", command: script("check-dependencies.mjs") },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(`no step ${unknown.join(", ")}; there are: ${steps.map((step) => step.name).join(", ")}`);
  process.exit(2);
}

const results = steps.filter((step) => wanted.length === 0 || wanted.includes(step.name)).map(runStep);

console.log();
for (const { name, passed, seconds } of results) {
  console.log(`${passed ? "passed" : "FAILED"}  ${name.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s`);
}
process.exitCode = results.every((result) => result.passed) ? 0 : 1;

function runStep({ name, command: [program, ...args] }) {
  console.log(`── ${name}`);
  const startedAt = performance.now();
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (error !== undefined) console.error(error.message);
  return { name, passed: status === 0, seconds: (performance.now() - startedAt) / 1_000 };
}
