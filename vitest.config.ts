import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.{ts,tsx}", "packages/server/test/**/*.test.ts", "e2e/**/*.test.ts"],
    globalSetup: "packages/server/test/global-setup.ts",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // .ci/run reads the counts from here.
    reporters: process.env["CI"] === undefined ? ["default"] : ["default", "json"],
    outputFile: { json: "node_modules/.cache/nightbell/test-results.json" },
  },
});
