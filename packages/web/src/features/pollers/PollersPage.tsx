// Who measures, how much and how punctually; read anew every few seconds.
import type { Poller } from "@nightbell/contract";
import { useInfiniteQuery, useSuspenseQuery } from "@tanstack/react-query";
import { usePageTitle } from "../../app/title.js";
import { countOf, formatCount, formatRtt, NO_VALUE } from "../../format/measures.js";
import { formatAgo, formatInstant } from "../../format/times.js";
import { Button } from "../../ui/Button.js";
import { Card } from "../../ui/Card.js";
import { Icon } from "../../ui/Icon.js";
import { PageHeader } from "../../ui/PageHeader.js";
import { Bone, EmptyState, ErrorState, Notice } from "../../ui/states.js";
import { useNow } from "../../ui/useNow.js";
import { profileQuery } from "../accounts/queries.js";
import { pollersQuery } from "./queries.js";
import { TokensCard } from "./tokens/TokensCard.js";
import { troublesOf } from "./troubles.js";
import { formatMemory, formatRate, labelOf, referencesText } from "./words.js";

export function PollersPage() {
  usePageTitle("Pollers");
  const pollers = useInfiniteQuery(pollersQuery);
  const rows = pollers.data?.pages.flatMap((page) => page.data);
  const now = useNow(1_000);
  return (
    <div className="mx-auto max-w-6xl px-4 pb-16 sm:px-8">
      <PageHeader title="Pollers">{rows !== undefined && <Totals pollers={rows} />}</PageHeader>
      {rows === undefined ? (
        <Card>
          {pollers.error === null ? (
            <div className="grid gap-4 p-5">
              {[1, 2, 3].map((row) => (
                <Bone key={row} className="h-5" />
              ))}
            </div>
          ) : (
            <ErrorState error={pollers.error} onRetry={() => void pollers.refetch()} />
          )}
        </Card>
      ) : rows.length === 0 ? (
        <EmptyState icon="signal" title="No poller has ever run here">
          Nothing is measured. Start one with <span className="code">nightbell serve --roles poller</span>.
        </EmptyState>
      ) : (
        <div className="grid gap-4">
          {troublesOf(rows, now).map(({ title, advice }) => (
            <Notice key={title} tone="warn" title={title}>
              {advice}
            </Notice>
          ))}
          <PollerTable pollers={rows} now={now} />
          {pollers.hasNextPage && (
            <div className="text-center">
              <Button
                look="quiet"
                icon="arrowDown"
                isBusy={pollers.isFetchingNextPage}
                onClick={() => void pollers.fetchNextPage()}
              >
                Show more pollers
              </Button>
            </div>
          )}
        </div>
      )}
      <TokensCard />
    </div>
  );
}

function Totals({ pollers }: { pollers: readonly Poller[] }) {
  const living = pollers.filter(({ state }) => state !== "dead");
  const rate = living.reduce((sum, { samplesPerSecond }) => sum + samplesPerSecond, 0);
  return (
    <p className="num text-sm text-faint">
      {countOf(living.length, "poller")} · {formatRate(rate)} samples/s
    </p>
  );
}

const GRID =
  "grid items-center gap-x-4 grid-cols-[minmax(0,1fr)_6.5rem] md:grid-cols-[minmax(0,1fr)_7rem_6rem_5.5rem_5.5rem_5rem_5rem_6rem]";
const COLUMNS = ["Poller", "Location", "State", "Your jobs", "Samples/s", "Late, p99", "Memory", "Seen"];

function PollerTable({ pollers, now }: { pollers: readonly Poller[]; now: number }) {
  const { data: profile } = useSuspenseQuery(profileQuery);
  return (
    <Card className="overflow-hidden">
      <div role="table" aria-label="Pollers">
        <div role="row" className={`border-b border-line px-4 py-2 max-md:hidden sm:px-5 ${GRID}`}>
          {COLUMNS.map((name, index) => (
            <span key={name} role="columnheader" className={`eyebrow ${index >= 3 ? "text-right" : ""}`}>
              {name}
            </span>
          ))}
        </div>
        {pollers.map((poller) => (
          <PollerRow key={poller.id} poller={poller} now={now} timeZone={profile.timeZone} />
        ))}
      </div>
    </Card>
  );
}

function PollerRow({ poller, now, timeZone }: { poller: Poller; now: number; timeZone: string }) {
  const isDead = poller.state === "dead";
  const { label, icon, tone } = labelOf(poller);
  const references = referencesText(poller.references);
  return (
    <div
      role="row"
      className={`gap-y-2 border-b border-line/60 px-4 py-3 text-sm last:border-b-0 sm:px-5 ${GRID}`}
    >
      <div role="cell" className="min-w-0">
        <p className="truncate font-medium" title={poller.name}>
          {poller.name}
        </p>
        <p
          className="truncate text-xs text-faint"
          title={`started ${formatInstant(poller.startedAt, timeZone)}`}
        >
          {poller.version}, {poller.kind}
          {poller.sharing === "static" && ", static share"}, started {formatAgo(poller.startedAt, now)}
        </p>
        {references !== null && !isDead && (
          <p className="truncate text-xs text-faint" title={references.title}>
            {references.text}
          </p>
        )}
      </div>
      <div role="cell" className="truncate text-soft max-md:hidden">
        {poller.location}
      </div>
      <div role="cell" className="max-md:text-right">
        <span className="inline-flex items-center gap-1.5 font-medium">
          <Icon name={icon} size={14} className={tone} />
          {label}
        </span>
      </div>
      <div role="cell" className="num col-span-2 text-xs text-soft md:hidden">
        <p className="truncate">
          {poller.location} · {isDead ? `fell silent ${seen(poller, now)}` : countOf(poller.jobCount, "job")}
        </p>
        {!isDead && (
          <p className="truncate">
            {formatRate(poller.samplesPerSecond)} samples/s · {formatRtt(poller.latenessP99Ms)} late ·{" "}
            {formatMemory(poller.memoryBytes)}
          </p>
        )}
      </div>
      <Figure>{isDead ? NO_VALUE : formatCount(poller.jobCount)}</Figure>
      <Figure>{isDead ? NO_VALUE : formatRate(poller.samplesPerSecond)}</Figure>
      <Figure>{isDead ? NO_VALUE : formatRtt(poller.latenessP99Ms)}</Figure>
      <Figure>{isDead ? NO_VALUE : formatMemory(poller.memoryBytes)}</Figure>
      <Figure>{seen(poller, now)}</Figure>
    </div>
  );
}

function Figure({ children }: { children: string }) {
  return (
    <div role="cell" className="num text-right text-soft max-md:hidden">
      {children}
    </div>
  );
}

/** How old its lease is, or since when it is silent. */
function seen({ diedAt, leaseAgeMs }: Poller, now: number): string {
  return diedAt === null ? `${(leaseAgeMs / 1_000).toFixed(1)} s ago` : formatAgo(diedAt, now);
}
