import { z } from "zod";

/** Why a mail is written: `job_completed` tells the requester what a job came to (M14). */
export const MailKind = z.enum(["job_completed"]);
export type MailKind = z.infer<typeof MailKind>;

/**
 * `waiting`: for the job's last samples, or for the next attempt. `sent`: the mail server took it. `failed`: refused for
 * good, or tried for too long. `not_sent`: this installation sends no mail.
 */
export const MailStatus = z.enum(["waiting", "sent", "failed", "not_sent"]);
export type MailStatus = z.infer<typeof MailStatus>;

export const Mail = z.object({
  id: z.uuid(),
  kind: MailKind,
  recipient: z.string(),
  status: MailStatus,
  attempts: z.number().int(),
  /** Of the last attempt, or why there was none. */
  error: z.string().nullable(),
  /** Of all attempts: a mail that arrives twice has it twice. */
  messageId: z.string().nullable(),
  createdAt: z.string(),
  nextAttemptAt: z.string().nullable(),
  sentAt: z.string().nullable(),
});
export type Mail = z.infer<typeof Mail>;

/** One of each kind at most. */
export const MailList = z.object({ data: z.array(Mail) });
