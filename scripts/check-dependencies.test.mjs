import { expect, test } from "vitest";
import { findFaults } from "./check-dependencies.mjs";

const faultsOf = (entry) => findFaults({ packages: { "node_modules/a": entry } });

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
