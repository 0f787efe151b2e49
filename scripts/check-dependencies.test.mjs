import { expect, test } from "vitest";
import { findFaults } from "./check-dependencies.mjs";

const faultsOf = (entry) => findFaults({ packages: { "node_modules/a": entry } }, "20.19.0");

test("an address in the lock file is a fault, a link into the workspace is none", () => {
  expect(faultsOf({ license: "MIT", resolved: "https://registry.invalid/a.tgz" }).length).toBe(1);
  expect(faultsOf({ link: true, resolved: "packages/a" }).length).toBe(0);
});

test("an installed package needs a compatible licence, a development tool does not", () => {
  expect(faultsOf({ license: "GPL-3.0" }).length).toBe(1);
  expect(faultsOf({}).length).toBe(1);
  expect(faultsOf({ license: "(MIT OR GPL-3.0) AND ISC" }).length).toBe(0);
  expect(faultsOf({ license: "MIT AND GPL-3.0" }).length).toBe(1);
  expect(faultsOf({ license: "GPL-3.0", dev: true }).length).toBe(0);
});

test("a package must run on the oldest Node we promise", () => {
  expect(faultsOf({ license: "MIT", engines: { node: ">=22" } }).length).toBe(1);
  expect(faultsOf({ license: "MIT", engines: { node: "^20.19.0 || >=22.12.0" } }).length).toBe(0);
});

test("the builds for other platforms are in the lock file", () => {
  const packages = {
    "packages/web/node_modules/a": { license: "MIT", optionalDependencies: { "a-arm": "1" } },
  };
  expect(findFaults({ packages }, "20.19.0").length).toBe(1);
  for (const place of ["node_modules/a-arm", "packages/web/node_modules/a-arm"]) {
    expect(findFaults({ packages: { ...packages, [place]: { license: "MIT" } } }, "20.19.0")).toEqual([]);
  }
});
