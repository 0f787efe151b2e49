// Echo requests to thousands of targets over one shared socket per family (M5).
export { IcmpEngine, IcmpUnavailableError } from "./engine.js";
export type { IcmpResult } from "./result.js";
export { ResultKind, type EngineLimits } from "./rings.js";
