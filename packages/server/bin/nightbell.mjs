#!/usr/bin/env node
// The command `nightbell`: builds what a source checkout is missing, then hands over to the compiled program.
import { existsSync } from "node:fs";

const buildScript = new URL("../../../scripts/build.mjs", import.meta.url);
if (existsSync(buildScript)) {
  const { buildMissing } = await import(buildScript.href);
  await buildMissing({ web: ["up", "serve"].includes(process.argv[2] ?? "") });
}
const { main } = await import("../dist/bin/nightbell.js");
await main(process.argv);
