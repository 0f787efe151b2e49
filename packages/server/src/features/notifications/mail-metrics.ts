import { Counter, Histogram, type Registry } from "prom-client";

export type MailMetrics = ReturnType<typeof mailMetrics>;

export function mailMetrics(registry: Registry) {
  const registers = [registry];
  return {
    attempts: new Counter({
      name: "nightbell_mail_attempts_total",
      help: "Attempts to send an email, by what became of it: sent, retried, failed, not_sent",
      labelNames: ["outcome"] as const,
      registers,
    }),
    seconds: new Histogram({
      name: "nightbell_mail_attempt_seconds",
      help: "How long the mail server took for an attempt",
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
  };
}
