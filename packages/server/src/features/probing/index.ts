export { runCheck } from "./check.js";
export { createOneShotProber, type OneShotProber } from "./one-shot.js";
export { Poller } from "./poller.js";
export { pathText } from "./trace/path.js";
export { runTrace } from "./trace/run-trace.js";
export { resolveHost } from "./address.js";
export { createSimulatedProber } from "./probers/index.js";
export type { ProbeNotes, ProbeOutcome } from "./prober.js";
