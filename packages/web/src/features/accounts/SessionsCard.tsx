// Where a person is logged in, to be looked through and ended.
import type { OpenSession } from "@nightbell/contract";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { sentenceOf } from "../../api/errors.js";
import { formatAgo, formatInstant } from "../../format/times.js";
import { Button } from "../../ui/Button.js";
import { Card } from "../../ui/Card.js";
import { ConfirmDialog } from "../../ui/Dialog.js";
import { PagedList } from "../../ui/PagedList.js";
import { toast } from "../../ui/toasts.js";
import { useNow } from "../../ui/useNow.js";
import { endOtherSessions, endSession, sessionsQuery } from "./queries.js";
import { nameOfAgent } from "./userAgent.js";

export function SessionsCard({ timeZone }: { timeZone: string }) {
  const sessions = useInfiniteQuery(sessionsQuery);
  const [isEndingOthers, setEndingOthers] = useState(false);
  const count = sessions.data?.pages[0]?.pagination.totalItems ?? 0;
  return (
    <Card
      title="Where you are logged in"
      className="overflow-hidden"
      aside={
        count > 1 && (
          <Button size="sm" onClick={() => setEndingOthers(true)}>
            End all others
          </Button>
        )
      }
    >
      <PagedList query={sessions} label="Your sessions" more="Show more">
        {(session) => <SessionRow key={session.id} session={session} timeZone={timeZone} />}
      </PagedList>
      {isEndingOthers && <EndOthersDialog onClose={() => setEndingOthers(false)} />}
    </Card>
  );
}

function SessionRow({ session, timeZone }: { session: OpenSession; timeZone: string }) {
  const now = useNow(10_000);
  const { id, address, userAgent, createdAt, lastUsedAt, isCurrent } = session;
  const name = nameOfAgent(userAgent);
  const end = useEnding(() => endSession(id), "The session has ended");
  return (
    <li className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-4 px-4 py-3 text-sm sm:px-5">
      <div className="min-w-0">
        <p className="truncate font-medium" title={userAgent ?? undefined}>
          {name}
        </p>
        <p className="num text-xs text-pretty text-faint">
          {address !== null && `from ${address} · `}
          <span title={formatInstant(createdAt, timeZone)}>opened {formatAgo(createdAt, now)}</span>
          {!isCurrent && ` · last used ${formatAgo(lastUsedAt, now)}`}
        </p>
      </div>
      {isCurrent ? (
        <span className="text-xs text-soft">This one</span>
      ) : (
        <Button
          size="sm"
          look="quiet"
          aria-label={`End the session of ${name}`}
          isBusy={end.isPending}
          onClick={() => end.mutate()}
        >
          End
        </Button>
      )}
    </li>
  );
}

function EndOthersDialog({ onClose }: { onClose: () => void }) {
  const end = useEnding(endOtherSessions, "All other sessions have ended", onClose);
  return (
    <ConfirmDialog
      title="End all other sessions?"
      confirm="End them"
      isBusy={end.isPending}
      onConfirm={() => end.mutate()}
      onClose={onClose}
    >
      Browsers and programs that use them have to log in again. This one goes on.
    </ConfirmDialog>
  );
}

function useEnding(run: () => Promise<unknown>, done: string, onSettled?: () => void) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: run,
    onSuccess: () => toast("good", done),
    onError: (error) => toast("missed", sentenceOf(error)),
    onSettled: () => {
      void queryClient.invalidateQueries(sessionsQuery);
      onSettled?.();
    },
  });
}
