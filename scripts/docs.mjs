// `npm run docs`: writes docs/reference/ from the program itself, so that it cannot drift. `--check` only compares, for
// `npm run verify`. Reads the compiled program.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";

const root = join(import.meta.dirname, "..");
const program = join(root, "packages", "server", "dist");
const folder = join(root, "docs", "reference");
const load = (path) => import(pathToFileURL(join(root, "packages", path)).href);

const { environmentSchema } = await load("server/dist/config/config.js");
const { errorRegistry } = await load("server/dist/platform/errors.js");
const { ErrorCode, statusOfError } = await load("contract/dist/index.js");

const pages = { "configuration.md": configuration(), "errors.md": errors(), "cli.md": commandLine() };

if (process.argv.includes("--check")) {
  for (const [name, text] of Object.entries(pages)) {
    const path = join(folder, name);
    if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
    console.error(`docs/reference/${name} is not what the program says: npm run docs`);
    process.exitCode = 1;
  }
} else {
  for (const [name, text] of Object.entries(pages)) writeFileSync(join(folder, name), text);
}

function configuration() {
  const { properties } = z.toJSONSchema(environmentSchema, { io: "input", unrepresentable: "any" });
  const defaults = environmentSchema.parse({});
  const rows = Object.entries(properties).map(([name, schema]) => [
    code(name),
    schema.description,
    allowed(schema),
    defaults[name] === undefined ? "" : code(defaults[name]),
  ]);
  return page(
    "Configuration",
    "Every setting is an environment variable. An empty variable counts as unset. A value that is not allowed stops the " +
      "start with the variable's name and the reason.",
    table(["Variable", "Meaning", "Allowed", "Default"], rows),
  );
}

/** What a variable may be, in words. */
function allowed({ type, enum: values, minimum, maximum, pattern, format }) {
  if (values !== undefined) return values.map(code).join(", ");
  if (pattern !== undefined) return `text like ${code(pattern)}`;
  if (format === "uri") return "a URL";
  if (type !== "integer") return "text";
  const isBounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  return isBounded ? `${minimum} to ${maximum}` : `${minimum} and up`;
}

function errors() {
  const answers = Object.entries(errorRegistry).map(([name, { status, title, retry }]) => [
    code(name),
    status,
    title,
    retry ? "yes" : "no",
  ]);
  const probes = ErrorCode.options.map((name) => [code(name), code(statusOfError(name))]);
  return page(
    "Errors",
    "## Answers of the API\n\nAn error is `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, `code`, " +
      "`requestId`, and for a request that is not valid `errors`, a list of `{ path, message }`. Programs compare `code`, " +
      "which never changes; `detail` is a sentence for people. *Retry* says whether the same request may succeed later.",
    table(["Code", "HTTP status", "Title", "Retry"], answers),
    "## Codes of samples\n\nA sample that is not a success carries one of these as `errorCode`. `missed` is the target's " +
      "fault and counts as loss; `system_error` is ours and never counts against the target.",
    table(["Code", "Status of the sample"], probes),
  );
}

function commandLine() {
  const overview = help();
  const commands = [...overview.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name]) => name);
  return page(
    "Command line",
    "In a checkout, `npx nightbell` is the program; `npm start` is `npx nightbell up`.",
    fence(overview),
    ...commands.flatMap((name) => [`## nightbell ${name}`, fence(help(name))]),
  );
}

/** What a command prints when asked for help. */
function help(...names) {
  const entry = pathToFileURL(join(program, "bin", "nightbell.js")).href;
  const main = `import { main } from "${entry}"; await main(["node", "nightbell", ...process.argv.slice(1)]);`;
  const args = ["--input-type=module", "--eval", main, "--", ...names, "--help"];
  return execFileSync(process.execPath, args, { encoding: "utf8" }).trim();
}

function page(title, ...parts) {
  return (
    [`# ${title}`, "<!-- Written by `npm run docs`; change the program, not this page. -->", ...parts, ""]
      .join("\n\n")
      .trimEnd() + "\n"
  );
}

function table(head, rows) {
  return [head, head.map(() => "---"), ...rows].map(tableLine).join("\n");
}

function tableLine(cells) {
  return `| ${cells.map((cell) => String(cell).replaceAll("|", String.raw`\|`)).join(" | ")} |`;
}

function fence(text) {
  return `\`\`\`text\n${text}\n\`\`\``;
}

function code(value) {
  return `\`${value}\``;
}
