// Builds the packages whose sources are newer than their output; `node scripts/build.mjs` builds all of them.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = (name) => join(root, "packages", name, "dist", ".built");
const shared = ["package-lock.json", "tsconfig.base.json"];

const steps = [
  {
    name: "server",
    label: "server",
    sources: [
      ...shared,
      "packages/contract/src",
      "packages/server/src",
      "packages/contract/tsconfig.json",
      "packages/server/tsconfig.json",
    ],
    command: ["node_modules/typescript/bin/tsc", "-b", "packages/server"],
  },
  {
    name: "web",
    label: "web app",
    sources: [
      ...shared,
      "packages/contract/src",
      "packages/web/src",
      "packages/web/public",
      "packages/web/index.html",
      "packages/web/vite.config.ts",
    ],
    command: ["node_modules/vite/bin/vite.js", "build", "packages/web", "--logLevel", "warn"],
  },
];

/** Builds the packages that are missing or stale. Output of the compilers goes to stderr; throws when one fails. */
export async function buildMissing({ web = true } = {}) {
  for (const step of steps) {
    if (step.name === "web" && !web) continue;
    if (isFresh(step)) continue;
    process.stderr.write(`building the ${step.label} …\n`);
    const startedAt = new Date();
    await run(step.command, step.label);
    mkdirSync(dirname(stamp(step.name)), { recursive: true });
    writeFileSync(stamp(step.name), "");
    utimesSync(stamp(step.name), startedAt, startedAt);
  }
}

function isFresh(step) {
  if (!existsSync(stamp(step.name))) return false;
  const builtAt = statSync(stamp(step.name)).mtimeMs;
  return step.sources.every((path) => newestChange(join(root, path)) < builtAt);
}

function newestChange(path) {
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestChange(join(path, name))));
}

function run([script, ...args], label) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, script), ...args], {
      cwd: root,
      stdio: ["ignore", 2, 2],
    });
    child.once("error", reject);
    child.once("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`building the ${label} failed with exit code ${code}`)),
    );
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await buildMissing();
