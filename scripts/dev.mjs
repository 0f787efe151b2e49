// `npm run dev`: the program, built and started again whenever its sources change, and the web app with hot reload in
// front of it at http://127.0.0.1:5173.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import { join } from "node:path";
import { buildMissing } from "./build.mjs";

/** Saving several files, or switching branches, is one change. */
const SETTLE_MS = 300;
const root = join(import.meta.dirname, "..");
const sources = ["packages/contract/src", "packages/server/src", "packages/server/migrations"];

await buildMissing({ web: false });
let program = startProgram();
const web = start("node_modules/vite/bin/vite.js", ["packages/web"]);
let timer;
let work = Promise.resolve();
for (const folder of sources) {
  watch(join(root, folder), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      work = work.then(rebuild);
    }, SETTLE_MS);
  });
}
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    clearTimeout(timer);
    web.kill();
    void work.then(stopProgram).then(() => process.exit());
  });
}

async function rebuild() {
  try {
    await buildMissing({ web: false });
  } catch {
    return; // The compiler has said why; the program runs on as it was.
  }
  await stopProgram();
  program = startProgram();
}

function startProgram() {
  return start("packages/server/bin/nightbell.mjs", ["up"]);
}

async function stopProgram() {
  if (program.exitCode !== null || program.signalCode !== null) return;
  program.kill("SIGTERM");
  await once(program, "exit");
}

function start(script, args) {
  // Detached, so that a Ctrl-C reaches only this process, which stops them in order.
  return spawn(process.execPath, [script, ...args], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
  });
}
