// Tokens of remote pollers: who may measure for the organisation from elsewhere.
import type { PollerToken } from "@nightbell/contract";
import { useInfiniteQuery, useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import { sentenceOf } from "../../../api/errors.js";
import { countOf } from "../../../format/measures.js";
import { formatAgo, formatInstant } from "../../../format/times.js";
import { Button } from "../../../ui/Button.js";
import { Card } from "../../../ui/Card.js";
import { ConfirmDialog } from "../../../ui/Dialog.js";
import { Icon } from "../../../ui/Icon.js";
import { PagedList } from "../../../ui/PagedList.js";
import { toast } from "../../../ui/toasts.js";
import { useNow } from "../../../ui/useNow.js";
import { profileQuery } from "../../accounts/queries.js";
import { pollerTokensQuery, revokePollerToken } from "../queries.js";
import { NewTokenDialog } from "./NewTokenDialog.js";

export function TokensCard() {
  const { data: profile } = useSuspenseQuery(profileQuery);
  const tokens = useInfiniteQuery(pollerTokensQuery);
  const [isMaking, setMaking] = useState(false);
  const [revoked, setRevoked] = useState<PollerToken | null>(null);
  const rows = tokens.data?.pages.flatMap((page) => page.data);
  const mayChange = ["admin", "owner"].includes(profile.organisation.role);
  return (
    <Card
      title="Remote pollers"
      className="mt-8 overflow-hidden"
      {...(rows !== undefined && rows.length > 0 && { note: countOf(rows.length, "token") })}
      aside={
        mayChange && (
          <Button size="sm" icon="plus" onClick={() => setMaking(true)}>
            New token
          </Button>
        )
      }
    >
      <PagedList
        query={tokens}
        label="Tokens of remote pollers"
        more="Show more tokens"
        empty={
          <>
            A remote poller measures your jobs from another place: a branch office, a home, another cloud. It
            needs HTTPS to this server and a token, no database, and nothing of it can be reached from
            outside.
            {!mayChange && " An admin of your organisation can make a token."}
          </>
        }
      >
        {(token) => (
          <TokenRow
            key={token.id}
            token={token}
            timeZone={profile.timeZone}
            {...(mayChange && { onRevoke: () => setRevoked(token) })}
          />
        )}
      </PagedList>
      {isMaking && (
        <NewTokenDialog
          locations={[...new Set(rows?.map(({ location }) => location))]}
          onClose={() => setMaking(false)}
        />
      )}
      {revoked !== null && <RevokeDialog token={revoked} onClose={() => setRevoked(null)} />}
    </Card>
  );
}

function TokenRow({
  token: { name, location, pollerCount, createdAt, lastUsedAt },
  timeZone,
  onRevoke,
}: {
  token: PollerToken;
  timeZone: string;
  onRevoke?: () => void;
}) {
  const now = useNow(1_000);
  return (
    <li className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 px-4 py-3 text-sm sm:px-5 md:grid-cols-[minmax(0,1fr)_9rem_8rem_10rem_auto]">
      <div className="min-w-0">
        <p className="truncate font-medium" title={name}>
          {name}
        </p>
        <p className="truncate text-xs text-faint" title={formatInstant(createdAt, timeZone)}>
          made {formatAgo(createdAt, now)}
        </p>
      </div>
      <p className="truncate text-soft max-md:col-start-1 max-md:row-start-2 max-md:text-xs">
        <Icon name="signal" size={14} className="mr-1.5 inline text-faint" />
        {location}
      </p>
      <p className="num text-soft max-md:hidden">
        {pollerCount === 0 ? "no poller" : countOf(pollerCount, "poller")}
      </p>
      <p className="num text-soft max-md:col-start-1 max-md:row-start-3 max-md:text-xs">
        <span className="md:hidden">
          {pollerCount === 0 ? "no poller" : countOf(pollerCount, "poller")} ·{" "}
        </span>
        {lastUsedAt === null ? "never used" : `used ${formatAgo(lastUsedAt, now)}`}
      </p>
      <div className="max-md:col-start-2 max-md:row-start-1">
        {onRevoke !== undefined && (
          <Button size="sm" look="quiet" aria-label={`Revoke ${name}`} onClick={onRevoke}>
            Revoke
          </Button>
        )}
      </div>
    </li>
  );
}

function RevokeDialog({ token, onClose }: { token: PollerToken; onClose: () => void }) {
  const queryClient = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => revokePollerToken(token.id),
    onSuccess: () => toast("good", `${token.name} is revoked`),
    onError: (error) => toast("missed", sentenceOf(error)),
    onSettled: () => {
      void queryClient.invalidateQueries(pollerTokensQuery);
      void queryClient.invalidateQueries({ queryKey: ["pollers"] });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      title={`Revoke ${token.name}?`}
      confirm="Revoke it"
      isBusy={revoke.isPending}
      onConfirm={() => revoke.mutate()}
      onClose={onClose}
    >
      {token.pollerCount === 0
        ? "Nobody can measure with it any more."
        : `${countOf(token.pollerCount, "poller")} at ${token.location} will end within seconds. What they have not handed over by then stays on their disks.`}
    </ConfirmDialog>
  );
}
