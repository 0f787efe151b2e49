// Evidence: what a job's locations see at the moment an alert about it opens (M17).
export { DatabaseEvidence, endEvidence, EVIDENCE_CHANNEL, giveEvidenceBack } from "./database-source.js";
export { expireEvidence } from "./expire.js";
export { evidenceMetrics } from "./metrics.js";
export { evidenceOf } from "./read.js";
export { hasEvidence, urgencyOf } from "./rules.js";
export { EvidenceRunner } from "./runner.js";
export { storableEnding } from "./storable.js";
export type { EvidenceEnding, EvidenceRequest, EvidenceSource } from "./source.js";
