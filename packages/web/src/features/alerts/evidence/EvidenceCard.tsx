import type { AlertDetail, AlertEvidence, EvidenceState } from "@nightbell/contract";
import { formatAgo, formatClock } from "../../../format/times.js";
import { Card } from "../../../ui/Card.js";
import { Icon, type IconName } from "../../../ui/Icon.js";
import { useNow } from "../../../ui/useNow.js";
import { Burst } from "./Burst.js";
import { PathTable } from "./PathTable.js";

/** With more locations than this, those where nothing is wrong are folded. */
const SHOWN_UNFOLDED = 2;

/** What each location saw when the alert opened: a burst of probes, and the path to the target. */
export function EvidenceCard({ alert, timeZone }: { alert: AlertDetail; timeZone: string }) {
  const { evidence, locations } = alert;
  const isBad = (name: string) => locations.some((location) => location.name === name && location.isBad);
  return (
    <Card title="Evidence" note="taken when the alert opened; none of it counts as a sample">
      {evidence.map((each) => (
        <LocationEvidence
          key={each.location}
          evidence={each}
          timeZone={timeZone}
          isOpen={evidence.length <= SHOWN_UNFOLDED || isBad(each.location)}
        />
      ))}
      {evidence.some(({ findings }) => findings !== null && findings.path !== null) && (
        <p className="px-4 py-2.5 text-xs text-faint sm:px-5">
          Paths are traced by ICMP echo requests, whatever the job itself measures. Routers may answer them
          late, or not at all.
        </p>
      )}
    </Card>
  );
}

const states: Record<EvidenceState, { label: string; icon: IconName; tone: string }> = {
  requested: { label: "Being taken", icon: "clock", tone: "animate-pulse-soft text-signal" },
  taken: { label: "Taken", icon: "check", tone: "text-good" },
  failed: { label: "Failed", icon: "fault", tone: "text-fault" },
  expired: { label: "Expired", icon: "clock", tone: "text-warn" },
};

function LocationEvidence({
  evidence,
  timeZone,
  isOpen,
}: {
  evidence: AlertEvidence;
  timeZone: string;
  isOpen: boolean;
}) {
  const { location, state, text, findings, requestedAt, endedAt } = evidence;
  const { label, icon, tone } = states[state];
  const now = useNow(1_000, state === "requested");
  return (
    <details open={isOpen} className="group border-b border-line last:border-b-0">
      <summary className="grid list-none grid-cols-[1rem_minmax(0,1fr)_auto] items-baseline gap-x-2.5 px-4 py-3 hover:bg-hover sm:px-5">
        <Icon
          name="chevronRight"
          size={13}
          className="translate-y-px text-faint transition-transform group-open:rotate-90"
        />
        <span className="truncate font-medium">{location}</span>
        <span className="inline-flex items-center gap-1.5 text-sm font-medium text-soft">
          <Icon name={icon} size={14} className={tone} />
          {label}
          <span className="num font-normal text-faint">
            {endedAt === null ? formatAgo(requestedAt, now) : formatClock(endedAt, timeZone)}
          </span>
        </span>
        <span className="col-span-2 col-start-2 text-sm text-soft [overflow-wrap:anywhere]">
          {text === null
            ? "A poller of this location probes the target and traces the path to it."
            : sentence(text)}
        </span>
      </summary>
      {findings !== null && (
        <div className="grid gap-x-8 gap-y-6 px-4 pt-1 pb-5 sm:px-5 md:pl-11.5 lg:grid-cols-[13rem_minmax(0,1fr)]">
          {findings.burst.length > 0 && <Burst burst={findings.burst} />}
          {findings.path === null ? (
            <div>
              <h3 className="eyebrow">Path</h3>
              <p className="mt-2 text-sm text-faint">
                {findings.pathProblem === null ? "None was traced." : `${sentence(findings.pathProblem)}.`}
              </p>
            </div>
          ) : (
            <PathTable path={findings.path} />
          )}
        </div>
      )}
    </details>
  );
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
