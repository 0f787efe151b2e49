// What stands in the place of the list: the way to the first job, or out of filters that match nothing.
import type { JobType } from "@nightbell/contract";
import { Link } from "@tanstack/react-router";
import { Button, buttonClass } from "../../../ui/Button.js";
import { Kbd } from "../../../ui/Card.js";
import { Icon } from "../../../ui/Icon.js";
import { EmptyState } from "../../../ui/states.js";

export function NothingMatches({ onClear }: { onClear: () => void }) {
  return (
    <EmptyState
      icon="filter"
      title="No job matches"
      action={<Button onClick={onClear}>Clear the filters</Button>}
    >
      Try a part of the title or target, or another status.
    </EmptyState>
  );
}

const firstSteps: { type: JobType; title: string; answers: string }[] = [
  { type: "icmp", title: "Ping a host", answers: "Is it there, and how far away?" },
  { type: "http", title: "Check a URL", answers: "Does it answer, rightly and fast?" },
  { type: "tls", title: "Watch a certificate", answers: "Is it valid, and for how long?" },
  { type: "dns", title: "Ask a name server", answers: "Does the name resolve as it should?" },
];

export function FirstSteps() {
  return (
    <div className="min-h-0 flex-1 overflow-y-auto pb-16 sm:pt-6">
      <EmptyState
        icon="pulse"
        title="Measure your first target"
        action={
          <Link to="/jobs/new" className={buttonClass("primary")}>
            <Icon name="plus" /> Create a job
          </Link>
        }
      >
        A job asks one target again and again and keeps every answer, loss and gap. The chart is live within
        seconds.
      </EmptyState>
      <ul className="mx-auto grid max-w-3xl gap-3 px-4 sm:grid-cols-2">
        {firstSteps.map(({ type, title, answers }) => (
          <li key={type}>
            <Link
              to="/jobs/new"
              search={{ type }}
              className="group flex items-center justify-between gap-4 rounded-lg border border-line bg-surface px-5 py-4 transition-colors hover:border-edge hover:bg-hover"
            >
              <span>
                <span className="block font-medium">{title}</span>
                <span className="block text-sm text-faint">{answers}</span>
              </span>
              <Icon name="chevronRight" className="text-faint group-hover:text-brass" />
            </Link>
          </li>
        ))}
      </ul>
      <p className="mt-8 text-center text-xs text-faint max-md:hidden">
        <Kbd>n</Kbd> makes a job from anywhere, <Kbd>?</Kbd> lists the other shortcuts.
      </p>
    </div>
  );
}
