// Of a heartbeat job: when its target last called, and the address to call, which is shown only when it is made.
import type { Beat, Job } from "@nightbell/contract";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { sentenceOf } from "../../api/errors.js";
import { formatSeconds } from "../../format/durations.js";
import { formatRtt } from "../../format/measures.js";
import { formatAgo, formatInstant } from "../../format/times.js";
import { Button } from "../../ui/Button.js";
import { Card } from "../../ui/Card.js";
import { ConfirmDialog } from "../../ui/Dialog.js";
import { Facts } from "../../ui/Facts.js";
import { toast } from "../../ui/toasts.js";
import { useNow } from "../../ui/useNow.js";
import { Address } from "./Address.js";
import { heartbeatQuery, makeToken } from "./queries.js";

export function HeartbeatCard({ job, timeZone }: { job: Job; timeZone: string }) {
  const queryClient = useQueryClient();
  const heartbeat = useQuery(heartbeatQuery(job.id));
  const now = useNow(1_000);
  const [isAsking, setAsking] = useState(false);
  const make = useMutation({
    mutationFn: () => makeToken(job.id),
    onSuccess: () => void queryClient.invalidateQueries(heartbeatQuery(job.id)),
    onError: (error) => toast("missed", sentenceOf(error)),
    onSettled: () => setAsking(false),
  });
  if (heartbeat.data === undefined) return null;
  const { tokenCreatedAt, lastBeat } = heartbeat.data;
  const hasAddress = tokenCreatedAt !== null;
  return (
    <Card
      title="Heartbeat"
      note={lastBeat === null ? "no beat yet" : `last beat ${formatAgo(lastBeat.at, now)}`}
      aside={
        <Button
          size="sm"
          look={hasAddress ? "plain" : "primary"}
          isBusy={make.isPending}
          onClick={() => (hasAddress ? setAsking(true) : make.mutate())}
        >
          {hasAddress ? "New address" : "Make its address"}
        </Button>
      }
    >
      {make.data !== undefined && <Address path={make.data.path} />}
      {!hasAddress && make.data === undefined && (
        <p className="px-4 pt-4 text-sm text-soft text-pretty sm:px-5">
          Nothing can report in yet. Make the address that{" "}
          <strong className="font-semibold text-ink">{job.target}</strong> is to call; it is shown once, here.
        </p>
      )}
      <Facts rows={[...expectedRows(job), ...beatRows(lastBeat, timeZone)]} />
      {isAsking && (
        <ConfirmDialog
          title="Make a new address?"
          confirm="Make a new one"
          isBusy={make.isPending}
          onConfirm={() => make.mutate()}
          onClose={() => setAsking(false)}
        >
          The present address stops working at once: whoever calls it is told that there is none.
        </ConfirmDialog>
      )}
    </Card>
  );
}

function expectedRows({ cadenceSeconds, options }: Job): [string, string][] {
  const grace = formatSeconds(Number(options["graceSeconds"] ?? 0));
  return [["Expected", `every ${formatSeconds(cadenceSeconds)}, with ${grace} of grace`]];
}

function beatRows(beat: Beat | null, timeZone: string): [string, string][] {
  if (beat === null) return [];
  const rows: [string, string][] = [
    ["Last beat", formatInstant(beat.at, timeZone)],
    ["It reported", beat.kind === "ok" ? "all is well" : "a failure"],
  ];
  if (beat.durationMs !== null) rows.push(["It took", formatRtt(beat.durationMs)]);
  if (beat.message !== null) rows.push(["It said", beat.message]);
  return rows;
}
