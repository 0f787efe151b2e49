// Alert rules: evaluation where samples are stored, alerts, maintenance windows, and alerts about ourselves.
export { AlertEngine } from "./engine.js";
export { ALERT_RULES_CHANNEL } from "./rule-book.js";
export { raiseSelfAlert, recordDatabaseOutage, resolveSelfAlert } from "./self-alerts.js";
export { settleAlerts } from "./settle.js";
