// Telling people: for now emails about completed jobs.
export { deliverMail, MAIL_WORK } from "./deliver.js";
export { mailMetrics } from "./mail-metrics.js";
export type { Delivery, Mail, Mailer } from "./mailer.js";
export { notificationRoutes } from "./routes.js";
