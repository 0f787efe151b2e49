// Alert rules: evaluation where samples are stored, alerts, maintenance windows, and alerts about ourselves.
export { addDefaultRule } from "./default-rule.js";
export { AlertEngine } from "./engine.js";
export { settlePollerAlerts } from "./dead-pollers.js";
export { settleOfflineAlerts } from "./offline-pollers.js";
export { LiveAlerts } from "./live.js";
export { forgetOldAlerts } from "./retention.js";
export { alertRoutes } from "./routes.js";
export { ALERT_RULES_CHANNEL } from "./rule-book.js";
export { raiseSelfAlert, recordDatabaseOutage, resolveSelfAlert } from "./self-alerts.js";
export { settleAlerts } from "./settle.js";
