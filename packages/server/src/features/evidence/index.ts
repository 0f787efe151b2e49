// Evidence: what a job's locations see at the moment an alert about it opens (M17).
export { DatabaseEvidence, EVIDENCE_CHANNEL } from "./database-source.js";
export { expireEvidence } from "./expire.js";
export { evidenceMetrics } from "./metrics.js";
export { evidenceOf } from "./read.js";
export { hasEvidence, urgencyOf } from "./rules.js";
export { EvidenceRunner } from "./runner.js";
