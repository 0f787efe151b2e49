// The role that does work that is due: summaries of completed jobs, and emails about them.
import { Registry } from "prom-client";
import { createSmtpMailer } from "../../channels/email/index.js";
import type { Config } from "../../config/config.js";
import { deliverMail, MAIL_WORK, mailMetrics, type Mailer } from "../../features/notifications/index.js";
import { SUMMARY_WORK, summarizeJob } from "../../features/samples/index.js";
import { Bus } from "../../platform/bus.js";
import { systemClock as clock } from "../../platform/clock.js";
import { WorkTable } from "../../platform/lease.js";
import { Worker, WORK_CHANNEL, workMetrics } from "../../platform/worker.js";
import type { RoleContext, RunningWorker } from "./role.js";

/** After a kill, work is taken up by others within this time. */
const LEASE_MS = 15_000;
const RENEW_EVERY_MS = 5_000;
/** Each aggregates up to 200,000 samples; more at once only get in each other's way. */
const SUMMARIES_AT_ONCE = 2;
const MAILS_AT_ONCE = 5;

export async function startWorker({ config, database, log }: RoleContext): Promise<RunningWorker> {
  const { db, url } = database;
  const mailer = mailerOf(config);
  if (mailer === null) log.info("SMTP_URL is not set: emails about completed jobs are recorded, not sent");
  const registry = new Registry();
  const metrics = workMetrics(registry);
  const common = { db, renewEveryMs: RENEW_EVERY_MS, log, metrics };
  const [summaryTable, mailTable] = [SUMMARY_WORK, MAIL_WORK].map(
    (name) => new WorkTable(db, name, { leaseMs: LEASE_MS }),
  ) as [WorkTable, WorkTable];
  const mails = new Worker({
    ...common,
    table: mailTable,
    concurrency: MAILS_AT_ONCE,
    handle: deliverMail({
      db,
      table: mailTable,
      mailer,
      publicUrl: config.PUBLIC_URL?.replace(/\/+$/, "") ?? null,
      clock,
      log,
      metrics: mailMetrics(registry),
    }),
  });
  const summaries = new Worker({
    ...common,
    table: summaryTable,
    concurrency: SUMMARIES_AT_ONCE,
    handle: summarizeJob({ database, table: summaryTable, clock, onStored: () => mails.wake() }),
  });
  const bus = new Bus(url, log);
  bus.subscribe(WORK_CHANNEL, () => summaries.wake());
  bus.start();
  return {
    metrics: () => registry.getMetricsAsJSON(),
    async stop(deadlineMs) {
      await bus.close();
      await Promise.all([summaries, mails].map((worker) => worker.stop(deadlineMs)));
    },
  };
}

function mailerOf({ SMTP_URL: url, MAIL_FROM: from }: Config): Mailer | null {
  return url === undefined || from === undefined ? null : createSmtpMailer({ url, from });
}
