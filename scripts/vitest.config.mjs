// The tests of the checks themselves; they need neither a database nor a build, so `npm run verify` runs them.
import { defineConfig } from "vitest/config";

export default defineConfig({
  cacheDir: "../node_modules/.vite/checks",
  test: { root: import.meta.dirname, include: ["*.test.mjs"] },
});
