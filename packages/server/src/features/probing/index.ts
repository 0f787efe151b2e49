export { runCheck, type CheckOptions } from "./check.js";
export { createOneShotProber, type OneShotProber } from "./one-shot.js";
export { Poller, type PollerOptions } from "./poller.js";
