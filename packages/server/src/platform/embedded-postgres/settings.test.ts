import { expect, test } from "vitest";
import { maxConnections, serverSettings } from "./settings.js";

test("there are connections for the pools of all roles to be full at once", () => {
  expect(maxConnections(40)).toBe(serverSettings(5_432)["max_connections"]);
  expect(Number(maxConnections(1_000))).toBeGreaterThanOrEqual(2_000 + 10 + 3);
});
