import type { MailKind, MailStatus, Series, Summary } from "@nightbell/contract";
import { sql } from "kysely";
import type { Db, Tx } from "../../platform/db.js";

/** All that a mail about a completed job says. */
export interface CompletionMailRow {
  messageId: string;
  recipient: string;
  recipientName: string;
  timeZone: string;
  jobId: string;
  title: string;
  type: string;
  target: string;
  cadenceMs: number;
  summary: Summary;
  series: Series;
}

/**
 * The content of a mail in one query, which also fixes its Message-ID before the first attempt: one that is sent twice
 * has the same. Served by primary keys. Undefined when the job was deleted.
 */
export async function readCompletionMail(
  db: Db,
  id: string,
  domain: string,
): Promise<CompletionMailRow | undefined> {
  const { rows } = await sql<CompletionMailRow>`
    update mails set message_id = coalesce(message_id, '<' || mails.id || '@' || ${domain} || '>')
    from jobs
    join job_summaries using (id)
    left join users on users.id = jobs.requester_id
    where mails.id = ${id} and jobs.id = mails.job_id
    returning message_id as "messageId", recipient, coalesce(users.name, recipient) as "recipientName",
      coalesce(users.time_zone, 'UTC') as "timeZone", jobs.id as "jobId", title, type, target,
      cadence_ms as "cadenceMs", summary, series`.execute(db);
  return rows[0];
}

/** What an attempt came to; the lease is released in the same transaction. */
export async function recordAttempt(
  tx: Tx,
  id: string,
  { status, error }: { status: MailStatus; error: string | null },
): Promise<void> {
  await tx
    .updateTable("mails")
    .set((eb) => ({
      status,
      last_error: error,
      sent_at: status === "sent" ? eb.fn<Date>("now") : null,
    }))
    .where("id", "=", id)
    .execute();
}

export interface MailRow {
  id: string;
  kind: MailKind;
  recipient: string;
  status: MailStatus;
  attempt: number;
  last_error: string | null;
  message_id: string | null;
  created_at: Date;
  due_at: Date | null;
  sent_at: Date | null;
}

/** Mails about a job, the oldest first. Served by the unique index on job and kind. */
export function mailsOfJob(db: Db, jobId: string): Promise<MailRow[]> {
  return db
    .selectFrom("mails")
    .select([
      "id",
      "kind",
      "recipient",
      "status",
      "attempt",
      "last_error",
      "message_id",
      "created_at",
      "due_at",
      "sent_at",
    ])
    .where("job_id", "=", jobId)
    .orderBy("created_at")
    .execute();
}
