// Sends the mails that are due, at least once each, and records every attempt.
import type { Clock } from "../../platform/clock.js";
import type { Db } from "../../platform/db.js";
import type { Lease, WorkTable } from "../../platform/lease.js";
import type { Logger } from "../../platform/log.js";
import type { Handler } from "../../platform/worker.js";
import { completionMail } from "./completion-mail.js";
import type { Delivery, Mailer } from "./mailer.js";
import type { MailMetrics } from "./mail-metrics.js";
import { readCompletionMail, recordAttempt } from "./queries.js";
import { judge, MAX_ATTEMPTS, type Verdict } from "./rules.js";

/** The table of this work. */
export const MAIL_WORK = "mails";

const NO_SERVER = "no mail server is set up here; the operator sets SMTP_URL";

export interface DeliverContext {
  readonly db: Db;
  readonly table: WorkTable;
  /** Null: this installation sends no mail. */
  readonly mailer: Mailer | null;
  /** Where people reach the web app, without a slash at its end; null leaves links out. */
  readonly publicUrl: string | null;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: MailMetrics;
}

/** Sends the mail of that id. Killed between the server's answer and the record, it is sent again with its Message-ID. */
export function deliverMail({ db, table, mailer, publicUrl, clock, log, metrics }: DeliverContext): Handler {
  const record = async (lease: Lease, verdict: Verdict | { status: "not_sent"; error: string }) => {
    await db.transaction().execute(async (tx) => {
      await table.release(tx, lease, verdict.status === "waiting" ? verdict.againInMs : null);
      await recordAttempt(tx, lease.id, verdict);
    });
    metrics.attempts.inc({ outcome: verdict.status === "waiting" ? "retried" : verdict.status });
  };
  return async (lease, signal) => {
    if (mailer === null) {
      await record(lease, { status: "not_sent", error: NO_SERVER });
      return;
    }
    const row = await readCompletionMail(db, lease.id, mailer.domain);
    if (row === undefined) return; // The job was deleted, and the mail with it.
    const about = { mail: lease.id, job: row.jobId, to: row.recipient, attempt: lease.attempt };
    const startedAt = clock.monotonic();
    const delivery = isWornOut(lease) ? wornOut : await mailer.send(completionMail(row, publicUrl), signal);
    if (signal.aborted && !delivery.isTaken) throw new Error("stopped before the mail server had taken it");
    metrics.seconds.observe((clock.monotonic() - startedAt) / 1_000);
    const verdict = judge(delivery, lease.attempt, Math.random());
    await record(lease, verdict);
    switch (verdict.status) {
      case "sent":
        log.info({ ...about, messageId: row.messageId }, `the mail about the job "${row.title}" was sent`);
        break;
      case "failed":
        log.error(
          { ...about, reason: verdict.error },
          `the mail about the job "${row.title}" failed for good`,
        );
        break;
      case "waiting":
        log.warn(
          { ...about, reason: verdict.error, againInSeconds: Math.round(verdict.againInMs / 1_000) },
          `the mail about the job "${row.title}" was not sent; it is tried again`,
        );
    }
  };
}

/** A process that dies at every attempt records none; the count of leases ends that too. */
function isWornOut({ attempt }: Lease): boolean {
  return attempt > MAX_ATTEMPTS;
}
const wornOut: Delivery = { isTaken: false, isFinal: true, reason: "every attempt ended without an answer" };
