// What is installed with the program may be given on under Apache-2.0, and the lock file names no registry, so that an
// install works against any mirror.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

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

/** Sentences about what is wrong with the lock file. */
export function findFaults(lock) {
  return Object.entries(lock.packages).flatMap(([path, entry]) => {
    if (path === "" || entry.link === true) return [];
    const faults = [];
    if (entry.resolved !== undefined) {
      faults.push(`${path}: package-lock.json names an address; remove "resolved"`);
    }
    const isInstalled = path.startsWith("node_modules/") && entry.dev !== true;
    if (isInstalled && !isCompatible(entry.license)) {
      faults.push(`${path}: licence ${entry.license ?? "unknown"} is not known to go with Apache-2.0`);
    }
    return faults;
  });
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
  const faults = findFaults(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
