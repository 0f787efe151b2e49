import { type Mail, MailList } from "@nightbell/contract";
import { z } from "zod";
import type { Db } from "../../platform/db.js";
import type { App } from "../../platform/http/app.js";
import { findJob } from "../jobs/index.js";
import { type MailRow, mailsOfJob } from "./queries.js";

export async function notificationRoutes(app: App, { db }: { db: Db }): Promise<void> {
  app.get(
    "/api/jobs/:id/mails",
    {
      schema: {
        tags: ["jobs"],
        summary: "Emails about a job",
        description: "What was sent to whom and when, or why not yet, or why not at all.",
        params: z.object({ id: z.uuid() }),
        response: { 200: MailList },
      },
    },
    async (request) => {
      const job = await findJob(db, request.account.organisationId, request.params.id);
      return { data: (await mailsOfJob(db, job.id)).map(toApi) };
    },
  );
}

function toApi(row: MailRow): Mail {
  return {
    id: row.id,
    kind: row.kind,
    recipient: row.recipient,
    status: row.status,
    attempts: row.attempt,
    error: row.last_error,
    messageId: row.message_id,
    createdAt: row.created_at.toISOString(),
    nextAttemptAt: row.due_at?.toISOString() ?? null,
    sentAt: row.sent_at?.toISOString() ?? null,
  };
}
