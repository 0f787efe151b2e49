// Whether the poller itself is online, and what that makes of a miss (M16).
export { SelfCheck } from "./self-check.js";
