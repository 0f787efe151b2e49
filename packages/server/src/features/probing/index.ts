export { runCheck } from "./check.js";
export { createOneShotProber } from "./one-shot.js";
export { Poller } from "./poller.js";
