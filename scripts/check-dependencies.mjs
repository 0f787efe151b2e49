// What is installed runs on the oldest Node we promise and, if it ships with the program, may be given on under
// Apache-2.0; the lock file holds the builds for every platform, and no registry's address, so that an install works
// anywhere and against any mirror.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import semver from "semver";

/** Licences that let the code be used and shipped in a program under Apache-2.0 without conditions on the program. */
const compatible = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "OFL-1.1", // fonts
  "PostgreSQL",
  "Python-2.0",
  "Unlicense",
  "Zlib",
]);

/** Sentences about what is wrong with the lock file of a workspace that promises to run on `floor`. */
export function findFaults({ packages }, floor) {
  return Object.entries(packages).flatMap(([path, entry]) => {
    if (path === "" || entry.link === true) return [];
    const faults = [];
    if (entry.resolved !== undefined) faults.push(`names an address; remove "resolved"`);
    if (path.includes("node_modules/") && entry.dev !== true && !isCompatible(entry.license)) {
      faults.push(`licence ${entry.license ?? "unknown"} is not known to go with Apache-2.0`);
    }
    const range = entry.engines?.node;
    if (range !== undefined && !semver.satisfies(floor, range)) {
      faults.push(`needs Node ${range}, and we promise ${floor}`);
    }
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      if (!isFound(packages, path, name))
        faults.push(`${name} is not in the lock file: no install on that platform`);
    }
    return faults.map((fault) => `${path}: ${fault}`);
  });
}

/** Whether Node would find `name` from the package at `path`: below it or below a folder above. */
function isFound(packages, path, name) {
  const folders = path.split("/");
  return [...folders.keys(), folders.length].some((depth) =>
    Object.hasOwn(packages, [...folders.slice(0, depth), "node_modules", name].join("/")),
  );
}

/** An SPDX expression is fine if every part joined by AND has an alternative joined by OR that is. */
function isCompatible(license) {
  if (typeof license !== "string") return false;
  return license
    .replaceAll(/[()]/g, "")
    .split(" AND ")
    .every((part) => part.split(" OR ").some((name) => compatible.has(name.trim())));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const read = (name) => JSON.parse(readFileSync(join(root, name), "utf8"));
  const floor = semver.minVersion(read("package.json").engines.node).version;
  const faults = findFaults(read("package-lock.json"), floor);
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
