import { join } from "node:path";
import { expect, test } from "vitest";
import { findDeadReferences } from "./check-docs.mjs";

test("finds each kind of dead reference and nothing else", () => {
  const found = findDeadReferences(join(import.meta.dirname, "fixtures", "docs"));
  expect(found.map(({ file, line, fault }) => `${file}:${line} ${fault}`)).toEqual([
    "README.md:3 no file docs/gone.md",
    "README.md:4 no heading #third in docs/page.md",
    "README.md:5 no path src/gone.ts",
    "README.md:6 no path src/{gone,lost}.ts",
    "README.md:7 no path gone/",
    "README.md:8 no script npm run gone",
    "README.md:9 no variable GONE_VARIABLE in the program",
    "README.md:11 no script npm start",
    "README.md:11 no variable GONE in the program",
  ]);
});
