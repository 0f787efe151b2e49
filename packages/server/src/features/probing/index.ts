export { runCheck } from "./check.js";
export { createOneShotProber, type OneShotProber } from "./one-shot.js";
export { Poller } from "./poller.js";
export type { ProbeNotes, ProbeOutcome } from "./prober.js";
