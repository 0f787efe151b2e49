import { expect, test } from "vitest";
import { prettyLine } from "./log.js";

const time = new Date("2026-01-01T12:00:05").getTime();

test("a line for people has the time, who says it, what, why and the details", () => {
  const line = {
    level: 40,
    time,
    role: "poller",
    err: {
      type: "Error",
      message: "connect ECONNREFUSED",
      stack: "Error: connect ECONNREFUSED\n    at there",
    },
    jobs: 3,
    msg: "jobs cannot be read",
  };
  expect(prettyLine(JSON.stringify(line), false)).toBe(
    "12:00:05 poller: warn: jobs cannot be read: connect ECONNREFUSED (jobs=3)",
  );
  expect(prettyLine(JSON.stringify(line), true)).toMatch(
    / \(jobs=3\)\nError: connect ECONNREFUSED\n {4}at there$/,
  );
});

test("what is nothing unusual does not name its level", () => {
  expect(prettyLine(JSON.stringify({ level: 30, time, role: "up", msg: "poller drained" }), false)).toBe(
    "12:00:05 up: poller drained",
  );
});
