// What the documentation names must exist: linked files and their headings, paths and npm scripts in code, variables.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Folders that are made by installing, building or running; what lies in them cannot be checked. */
const made = /(?:^|\/)(?:node_modules|dist|\.git|\.nightbell|coverage|screenshots|results|fixtures)(?:\/|$)/;
/** A path in code counts when it has a folder and ends in a slash or in one of these. */
const pathPattern =
  /^[\w@.{}*,-]+(?:\/[\w@.{}*,-]+)+(?:\/|\.(?:ts|tsx|mjs|js|json|md|sql|css|html|ya?ml|sh|png))$|^[\w.-]+(?:\/[\w.-]+)*\/$/;
/** Documents may leave out the folder of the server's sources, which they speak of most. */
const pathBases = ["", "packages/server", "packages/server/src"];

/** Variables of other programs that documents speak of. */
const foreignVariables = new Set(["PGPASSWORD"]);

/** Sentences about what the documents below `root` name and what does not exist: `[{ file, line, fault }]`. */
export function findDeadReferences(root) {
  const files = filesBelow(root, root);
  const scripts = scriptNames(root, files);
  const program = files.filter((file) => /\.(?:ts|tsx|mjs|js|sql|sh)$|^\.ci\//.test(file));
  const words = new Set(
    program.flatMap((file) => readFileSync(join(root, file), "utf8").match(/\b[A-Z][A-Z0-9_]+\b/g) ?? []),
  );
  const context = { root, files, scripts, words };
  return files
    .filter((file) => file.endsWith(".md"))
    .flatMap((file) => {
      const text = readFileSync(join(root, file), "utf8");
      return [...deadLinks(context, file, text), ...deadCode(context, file, text)];
    });
}

function deadLinks(context, file, text) {
  return [...withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap((match) => {
    const [target, anchor] = match[1].split("#");
    if (/^[a-z]+:/.test(target)) return [];
    const path = target === "" ? file : relative(context.root, join(context.root, dirname(file), target));
    const line = lineOf(text, match.index);
    if (!existsSync(join(context.root, path))) return [{ file, line, fault: `no file ${target}` }];
    if (anchor === undefined || headingAnchors(readFileSync(join(context.root, path), "utf8")).has(anchor))
      return [];
    return [{ file, line, fault: `no heading #${anchor} in ${path}` }];
  });
}

/** Faults in code spans and fenced blocks. */
function deadCode(context, file, text) {
  return [...text.matchAll(/```[\s\S]*?```|`[^`\n]+`/g)].flatMap((match) => {
    const line = lineOf(text, match.index);
    const isFence = match[0].startsWith("```");
    const code = isFence ? match[0].slice(3, -3) : match[0].slice(1, -1);
    const faults = [...unknownScripts(context, code), ...unknownVariables(context, code)];
    if (!isFence && pathPattern.test(code) && !pathExists(context, file, code))
      faults.push(`no path ${code}`);
    return faults.map((fault) => ({ file, line, fault }));
  });
}

function unknownScripts({ scripts }, code) {
  return [...code.matchAll(/\bnpm (?:run )?([\w:-]+)/g)].flatMap(([command, name]) => {
    if (command.startsWith("npm run")) return scripts.has(name) ? [] : [`no script ${command}`];
    return ["start", "test"].includes(name) && !scripts.has(name) ? [`no script ${command}`] : [];
  });
}

/** Names of variables: words in capitals with an underscore, and what a shell line sets. */
function unknownVariables({ words }, code) {
  const names = [...code.matchAll(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b[A-Z][A-Z0-9]+(?==)/g)].map(
    ([name]) => name,
  );
  return names
    .filter((name) => !words.has(name) && !foreignVariables.has(name))
    .map((name) => `no variable ${name} in the program`);
}

function pathExists({ root, files }, file, code) {
  if (made.test(code)) return true;
  const bases = [...pathBases, dirname(file)];
  if (!/[*{]/.test(code)) return bases.some((base) => existsSync(join(root, base, code)));
  return bases.some((base) => files.some((path) => globToPattern(join(base, code)).test(path)));
}

/** A pattern for the two signs that documents use, `*` within a folder and `{a,b}`; a folder's holds for what is in it. */
function globToPattern(glob) {
  const escaped = glob.replaceAll(/[.+^$()|[\]\\]/g, String.raw`\$&`);
  const choices = escaped.replaceAll(/\{([^}]*)\}/g, (_, list) => `(?:${list.replaceAll(",", "|")})`);
  return new RegExp(`^${choices.replaceAll("*", "[^/]*")}${glob.endsWith("/") ? "" : "$"}`);
}

/** The anchors that GitHub gives the headings of a document. */
function headingAnchors(text) {
  return new Set(
    [...withoutFences(text).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(/\s/g, "-"),
    ),
  );
}

/** The text with fenced blocks blanked, so that positions stay. */
function withoutFences(text) {
  return text.replaceAll(/```[\s\S]*?```/g, (block) => block.replaceAll(/[^\n]/g, " "));
}

function scriptNames(root, files) {
  const manifests = files.filter((file) => /(?:^|\/)package\.json$/.test(file));
  return new Set(
    manifests.flatMap((file) =>
      Object.keys(JSON.parse(readFileSync(join(root, file), "utf8")).scripts ?? {}),
    ),
  );
}

function lineOf(text, index) {
  return text.slice(0, index).split("\n").length;
}

function filesBelow(root, folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    const file = relative(root, path).replaceAll("\\", "/");
    if (made.test(file)) return [];
    return entry.isDirectory() ? filesBelow(root, path) : [file];
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const dead = findDeadReferences(dirname(dirname(fileURLToPath(import.meta.url))));
  for (const { file, line, fault } of dead) console.error(`${file}:${line} ${fault}`);
  process.exitCode = dead.length === 0 ? 0 : 1;
}
