// bin/nightbell.mjs without its look for stale sources, which would build while tests run.
import { main } from "../dist/bin/nightbell.js";

await main(process.argv);
