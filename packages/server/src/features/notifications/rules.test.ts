import { expect, test } from "vitest";
import { judge, MAX_ATTEMPTS } from "./rules.js";

const busy = { isTaken: false, isFinal: false, reason: "try later" } as const;

test("a mail that was not taken is tried for more than a day, ever more rarely, and then given up", () => {
  let waitedMs = 0;
  for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt += 1) {
    const verdict = judge(busy, attempt, 0);
    if (verdict.status !== "waiting") throw new Error(`given up after ${attempt}`);
    waitedMs += verdict.againInMs;
  }
  expect(waitedMs / 3_600_000).toBeGreaterThan(24);
  expect(waitedMs / 3_600_000).toBeLessThan(30);
  expect(judge(busy, MAX_ATTEMPTS, 0)).toEqual({
    status: "failed",
    error: `given up after ${MAX_ATTEMPTS} attempts; the last: try later`,
  });
});

test("what is refused for good is not tried again, and what is taken is done", () => {
  const refused = { isTaken: false, isFinal: true, reason: "no such user" } as const;
  expect(judge(refused, 1, 0)).toEqual({ status: "failed", error: "no such user" });
  expect(judge({ isTaken: true, response: "250 OK" }, MAX_ATTEMPTS, 0)).toEqual({
    status: "sent",
    error: null,
  });
});
