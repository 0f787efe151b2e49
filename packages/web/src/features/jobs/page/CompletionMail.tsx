import type { Mail } from "@nightbell/contract";
import { useQuery } from "@tanstack/react-query";
import { formatInstant } from "../../../format/times.js";
import { Card } from "../../../ui/Card.js";
import { Icon, type IconName } from "../../../ui/Icon.js";
import { mailsQuery } from "../queries.js";

const looks: Record<Mail["status"], { icon: IconName; tone: string }> = {
  waiting: { icon: "info", tone: "text-soft" },
  sent: { icon: "check", tone: "text-good" },
  failed: { icon: "warning", tone: "text-missed" },
  not_sent: { icon: "info", tone: "text-soft" },
};

/** What became of the email that tells the requester what the job came to; nothing when there is none. */
export function CompletionMail({ jobId, timeZone }: { jobId: string; timeZone: string }) {
  const { data: mails } = useQuery(mailsQuery(jobId));
  const mail = mails?.data.find(({ kind }) => kind === "job_completed");
  if (mail === undefined) return null;
  const { icon, tone } = looks[mail.status];
  return (
    <Card title="Completion email">
      <p role="status" className="flex gap-2.5 px-4 py-3 text-sm [overflow-wrap:anywhere] sm:px-5">
        <Icon name={icon} size={16} className={`mt-0.5 shrink-0 ${tone}`} />
        <span>{mailSentence(mail, timeZone)}</span>
      </p>
    </Card>
  );
}

function mailSentence(mail: Mail, timeZone: string): string {
  const { recipient, error } = mail;
  const because = error === null ? "." : `: ${error}.`;
  switch (mail.status) {
    case "sent":
      return `Sent to ${recipient}${mail.sentAt === null ? "" : ` at ${formatInstant(mail.sentAt, timeZone)}`}.`;
    case "failed":
      return `Could not be sent to ${recipient}${because}`;
    case "not_sent":
      return `Not sent to ${recipient}${because}`;
    case "waiting":
      if (mail.nextAttemptAt === null) return `Follows to ${recipient} when the last samples are stored.`;
      if (error === null) return `Is being sent to ${recipient}.`;
      return `Not sent to ${recipient} yet, after ${mail.attempts === 1 ? "an attempt" : `${mail.attempts} attempts`}: ${error}. The next is due at ${formatInstant(mail.nextAttemptAt, timeZone)}.`;
  }
}
