// `npm run bench [-- --quick] [-- --only name]`: every benchmark of this folder, one after the other, each in a process
// of its own. Prints one Markdown table; what is not quick is kept in bench/README.md, with the numbers in bench/results/.
// A benchmark is a file bench/NAME.mjs with `run({ quick }) → rows`; a row is
// { name, value, unit, budget, peer, peerValue, ratio, ok, note }, where `budget` says what `ok` compares with.
import { fork } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

/** The longest benchmark takes 25 minutes; one that hangs must not hold up the others for ever. */
const TIMEOUT_MS = 40 * 60_000;
const folder = import.meta.dirname;
const readme = join(folder, "README.md");
const results = join(folder, "results", "latest.json");
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
  const all = benchNames();
  const names = all.filter((name) => options.only.length === 0 || options.only.includes(name));
  const unknown = options.only.filter((name) => !all.includes(name));
  if (unknown.length > 0) {
    console.error(`no benchmark ${unknown.join(", ")} in bench/`);
    return 2;
  }
  const benches = {};
  for (const name of names) {
    console.error(`── ${name}`);
    const measuredAt = new Date().toISOString();
    benches[name] = { measuredAt, machine: machine(), rows: await inChild(name) };
    if (!options.quick) keep({ [name]: benches[name] });
  }
  console.log(toMarkdown(benches));
  return Object.values(benches).every(({ rows }) => rows.every((row) => row.ok)) ? 0 : 1;
}

/** What was measured takes the place of what was known of the same benchmark. */
function keep(measured) {
  const known = JSON.parse(readFileSync(results, "utf8"));
  const all = { ...known, ...measured };
  const present = benchNames().flatMap((name) => (name in all ? [[name, all[name]]] : []));
  const benches = Object.fromEntries(present);
  writeFileSync(results, `${JSON.stringify(benches, null, 2)}\n`);
  replaceTable(toMarkdown(benches));
}

function benchNames() {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".mjs") && file !== basename(import.meta.filename))
    .map((file) => file.slice(0, -".mjs".length));
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

function toMarkdown(benches) {
  const lines = Object.entries(benches).flatMap(([name, { measuredAt, rows }]) =>
    rows.map((row) =>
      [
        row.name,
        `${number(row.value)} ${row.unit ?? ""}`.trim(),
        row.budget ?? "",
        row.peer === undefined || row.peer === null ? "" : `${row.peer}: ${number(row.peerValue)}`,
        row.ratio === undefined || row.ratio === null ? "" : `${row.ratio.toFixed(2)} ×`,
        row.ok ? "yes" : "**no**",
        row.note ?? "",
        `${name}, ${measuredAt.slice(0, 16).replace("T", " ")}`,
      ].map((cell) => String(cell).replaceAll("|", String.raw`\|`)),
    ),
  );
  const machines = new Set(Object.values(benches).map((bench) => bench.machine));
  return [
    `Measured on ${[...machines].join("; ")}${options.quick ? ", quick run" : ""}. Times are UTC.`,
    "",
    "| What | Value | Budget | Peer | Ratio | Met | Note | Benchmark, measured |",
    "| --- | --: | --: | --: | --: | --- | --- | --- |",
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
