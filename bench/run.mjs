// `npm run bench [-- --quick] [-- --only name]`: every benchmark of this folder, one after the other, each in a process
// of its own. Prints one Markdown table; a whole run keeps it in bench/README.md, with the numbers in bench/results/.
// A benchmark is a file bench/NAME.mjs with `run({ quick }) → rows`; a row is
// { name, value, unit, budget, peer, peerValue, ratio, ok, note }, where `budget` says what `ok` compares with.
import { fork } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

/** The longest benchmark takes 25 minutes; one that hangs must not hold up the others for ever. */
const TIMEOUT_MS = 40 * 60_000;
const folder = import.meta.dirname;
const readme = join(folder, "README.md");
const markers = { begin: "<!-- measured: begin -->", end: "<!-- measured: end -->" };

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    child: { type: "string" },
  },
});

if (options.child === undefined) process.exitCode = await runAll();
else await runChild(options.child);

async function runAll() {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(".mjs") && file !== basename(import.meta.filename))
    .map((file) => file.slice(0, -".mjs".length))
    .filter((name) => options.only.length === 0 || options.only.includes(name));
  const unknown = options.only.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    console.error(`no benchmark ${unknown.join(", ")} in bench/`);
    return 2;
  }
  const rows = [];
  for (const name of names) {
    console.error(`── ${name}`);
    rows.push(...(await inChild(name)));
  }
  const report = {
    measuredAt: new Date().toISOString(),
    machine: machine(),
    quick: options.quick,
    rows,
  };
  const table = toMarkdown(report);
  console.log(table);
  const isWhole = options.only.length === 0 && !options.quick;
  mkdirSync(join(folder, "results"), { recursive: true });
  const results = join(folder, "results", isWhole ? "latest.json" : "partial.tmp");
  writeFileSync(results, `${JSON.stringify(report, null, 2)}\n`);
  if (isWhole) replaceTable(table);
  return rows.every((row) => row.ok) ? 0 : 1;
}

/** Rows of one benchmark; a benchmark that fails is a row that says why. */
function inChild(name) {
  return new Promise((resolve) => {
    const args = ["--child", name, ...(options.quick ? ["--quick"] : [])];
    const child = fork(import.meta.filename, args, { stdio: ["ignore", 2, 2, "ipc"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
    let message = null;
    child.once("message", (received) => (message = received));
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const failure =
        message?.failure ?? (message === null ? `ended with ${signal ?? `exit code ${code}`}` : null);
      resolve(failure === null ? message.rows : [{ name, ok: false, note: `failed: ${failure}` }]);
    });
  });
}

async function runChild(name) {
  const answer = await import(`./${name}.mjs`)
    .then(async ({ run }) => ({ rows: await run(options) }))
    .catch((error) => {
      console.error(error);
      return { failure: error.message };
    });
  process.send(answer, () => process.exit());
}

function machine() {
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${availableParallelism()} × ${cpus()[0].model.trim()}, ${memory} GiB, ${type()} ${release().split(".", 2).join(".")}, Node ${process.versions.node}`;
}

function toMarkdown({ measuredAt, machine, quick, rows }) {
  const lines = rows.map((row) =>
    [
      row.name,
      `${number(row.value)} ${row.unit ?? ""}`.trim(),
      row.budget ?? "",
      row.peer === undefined || row.peer === null ? "" : `${row.peer}: ${number(row.peerValue)}`,
      row.ratio === undefined || row.ratio === null ? "" : `${row.ratio.toFixed(2)} ×`,
      row.ok ? "yes" : "**no**",
      row.note ?? "",
    ].map((cell) => String(cell).replaceAll("|", String.raw`\|`)),
  );
  return [
    `Measured ${measuredAt.slice(0, 10)} on ${machine}${quick ? ", quick run" : ""}.`,
    "",
    "| What | Value | Budget | Peer | Ratio | Met | Note |",
    "| --- | --: | --: | --: | --: | --- | --- |",
    ...lines.map((cells) => `| ${cells.join(" | ")} |`),
  ].join("\n");
}

function number(value) {
  if (value === undefined || value === null) return "missing";
  return typeof value === "number" ? value.toLocaleString("en", { maximumSignificantDigits: 4 }) : value;
}

function replaceTable(table) {
  const text = readFileSync(readme, "utf8");
  const begin = text.indexOf(markers.begin);
  const end = text.indexOf(markers.end);
  if (begin === -1 || end < begin) throw new Error(`${readme} lacks the markers around the table`);
  const before = text.slice(0, begin + markers.begin.length);
  writeFileSync(readme, `${before}\n\n${table}\n\n${text.slice(end)}`);
}
