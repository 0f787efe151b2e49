// Each fixture says in its first line which rule it breaks; every rule has at least one fixture that breaks it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findBreaches, rules } from "./check-boundaries.mjs";

const root = join(import.meta.dirname, "fixtures", "boundaries");
const expected = readdirSync(join(root, "packages"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => {
    const path = join(entry.parentPath, entry.name);
    const rule = /^\/\/ breaks (\S+)/.exec(readFileSync(path, "utf8"))?.[1];
    return { file: path.slice(root.length + 1), rule: rule === "nothing" ? null : rule };
  });
const breaches = findBreaches(root);

for (const { file, rule } of expected) {
  test(`${file} breaks ${rule ?? "nothing"}`, () => {
    const found = breaches.filter((breach) => breach.file === file).map((breach) => breach.rule);
    expect(found).toEqual(rule === null ? [] : [rule]);
  });
}

test("every rule has a fixture that breaks it", () => {
  expect([...new Set(expected.flatMap(({ rule }) => rule ?? []))].toSorted()).toEqual(
    Object.keys(rules).toSorted(),
  );
});
