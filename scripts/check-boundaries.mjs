// Imports run one way: bin → features → platform → contract. A feature reaches another only through its front door,
// `index.ts`; a channel knows only the feature that owns its interface; the web app knows only the contract; the
// contract runs anywhere. `npm run verify` fails on an import that breaks this.
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, posix, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseSync } from "oxc-parser";

/** Rule name → the sentence a person reads. */
export const rules = {
  "contract-runs-anywhere":
    "the contract imports neither Node's modules nor other packages of this workspace",
  "web-knows-only-the-contract": "the web app imports neither the server nor Node's modules",
  "config-stands-alone": "config imports nothing but the contract",
  "platform-knows-no-feature": "platform imports only platform, config and the contract",
  "features-stand-below-bin": "a feature imports neither bin nor a channel",
  "feature-front-door": "another feature is reached only through its index.ts",
  "channels-know-their-interface":
    "a channel imports only its own folder and the feature that owns its interface",
  "packages-by-name": "another package is imported by its name, not by a path into it",
  "tests-stay-outside": "the program does not import its tests",
};

/** The feature whose interface the channels implement. */
const channelOwner = "notifications";
const sourcePattern = /\.(?:ts|tsx|mts|js|mjs)$/;
const testPattern = /\.test\.[a-z]+$/;
const nodeModules = new Set(builtinModules.map((name) => name.replace(/^node:/, "")));

/** All breaches below `root`, a folder laid out like the workspace: `[{ file, line, specifier, rule }]`. */
export function findBreaches(root) {
  return sourceFiles(join(root, "packages")).flatMap((path) => {
    const file = relative(root, path).replaceAll("\\", "/");
    const from = areaOf(file);
    if (from === null) return [];
    const text = readFileSync(path, "utf8");
    return importsOf(path, text).flatMap(({ specifier, offset }) => {
      const rule = brokenRule(from, resolve(file, specifier));
      return rule === null ? [] : [{ file, line: text.slice(0, offset).split("\n").length, specifier, rule }];
    });
  });
}

/** The rule that an import from `from` to `to` breaks, or null. */
function brokenRule(from, to) {
  if (to.kind === "node") {
    if (from.isTest) return null; // Tests run in Node.
    if (from.package === "contract") return "contract-runs-anywhere";
    if (from.package === "web") return "web-knows-only-the-contract";
    return null;
  }
  if (to.kind === "external") return null;
  if (to.package !== from.package) return brokenPackageRule(from, to);
  if (from.package !== "server" || from.layer === "test") return null;
  if (to.layer === "test") return from.isTest ? null : "tests-stay-outside";
  return brokenServerRule(from, to);
}

function brokenPackageRule(from, to) {
  if (from.package === "contract") return "contract-runs-anywhere";
  if (from.package === "web" && to.package !== "contract") return "web-knows-only-the-contract";
  return to.byName ? null : "packages-by-name";
}

function brokenServerRule(from, to) {
  if (to.layer === from.layer && to.part === from.part) return null;
  switch (from.layer) {
    case "config":
      return "config-stands-alone";
    case "platform":
      return to.layer === "config" ? null : "platform-knows-no-feature";
    case "channels":
      return to.layer === "features" && to.part === channelOwner && to.isFrontDoor
        ? null
        : "channels-know-their-interface";
    case "features":
      if (to.layer === "bin" || to.layer === "channels") return "features-stand-below-bin";
      return to.layer === "features" && !to.isFrontDoor ? "feature-front-door" : null;
    default:
      return to.layer === "features" && !to.isFrontDoor ? "feature-front-door" : null;
  }
}

/** Where a file of the workspace stands; null for files that the rules do not speak of, such as build settings. */
function areaOf(file) {
  const [, pkg, top, layer, ...rest] = file.split("/");
  const isTest = testPattern.test(file);
  if (top === "test")
    return { kind: "own", package: pkg, layer: "test", part: null, isTest, isFrontDoor: false };
  if (top !== "src") return null;
  const isParted = layer === "features" || layer === "channels";
  return {
    kind: "own",
    package: pkg,
    layer,
    part: isParted ? (rest[0] ?? null) : null,
    isTest,
    isFrontDoor: isParted && rest.length === 2 && /^index\.[a-z]+$/.test(rest[1]),
  };
}

function resolve(file, specifier) {
  if (specifier.startsWith(".")) {
    return areaOf(posix.join(posix.dirname(file), specifier)) ?? { kind: "external" };
  }
  if (specifier.startsWith("node:") || nodeModules.has(specifier.split("/")[0])) return { kind: "node" };
  const own = /^(?:@nightbell\/(\w+)|(nightbell))(?:\/|$)/.exec(specifier);
  if (own !== null) return { kind: "own", package: own[1] ?? "server", byName: true };
  return { kind: "external" };
}

/** Every module that a file names: imports of values and types, re-exports and dynamic imports of a literal. */
function importsOf(path, text) {
  const { module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0].message}`);
  const literal = /^["'`](.*)["'`]$/;
  const requests = [
    ...module.staticImports.map((entry) => entry.moduleRequest),
    ...module.staticExports.flatMap((entry) => entry.entries.map((one) => one.moduleRequest)),
    ...module.dynamicImports.map(({ moduleRequest: { start, end } }) => ({
      value: literal.exec(text.slice(start, end))?.[1],
      start,
    })),
  ].filter((request) => request?.value !== undefined);
  // An import that is exported again stands in both lists.
  return [
    ...new Map(requests.map(({ value, start }) => [start, { specifier: value, offset: start }])).values(),
  ];
}

function sourceFiles(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "node_modules" || entry.name === "dist") return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return sourcePattern.test(entry.name) && !entry.name.endsWith(".d.ts") ? [path] : [];
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const breaches = findBreaches(dirname(dirname(fileURLToPath(import.meta.url))));
  for (const { file, line, specifier, rule } of breaches) {
    console.error(`${file}:${line} imports ${specifier}: ${rules[rule]} (${rule})`);
  }
  process.exitCode = breaches.length === 0 ? 0 : 1;
}
