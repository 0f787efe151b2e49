import { expect, test } from "vitest";
import { storableEnding } from "./storable.js";

test("what a target said leaves out what Postgres does not take", () => {
  const pathProblem = "it says: \0half \ud800";
  expect(
    storableEnding({ state: "failed", text: "no\0 path", findings: { burst: [], path: null, pathProblem } }),
  ).toEqual({
    state: "failed",
    text: "no path",
    findings: { burst: [], path: null, pathProblem: "it says: half \ufffd" },
  });
});
