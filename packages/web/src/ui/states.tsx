// What a page shows instead of its content: nothing yet, still loading, or failed. Each says what to do.
import type { ReactNode } from "react";
import { ApiError, sentenceOf } from "../api/errors.js";
import { Button } from "./Button.js";
import { Icon, type IconName } from "./Icon.js";

export function EmptyState({
  icon,
  title,
  isWholePage = false,
  children,
  action,
}: {
  icon: IconName;
  title: string;
  /** Then its title is the page's. */
  isWholePage?: boolean;
  children?: ReactNode;
  action?: ReactNode;
}) {
  const Heading = isWholePage ? "h1" : "h2";
  return (
    <div className="mx-auto flex max-w-md flex-col items-center px-6 py-16 text-center">
      <span className="mb-5 grid size-12 place-items-center rounded-xl border border-line bg-surface text-brass">
        <Icon name={icon} size={22} />
      </span>
      <Heading className="text-lg font-semibold tracking-[-0.01em]">{title}</Heading>
      {children !== undefined && <div className="mt-1.5 text-md text-soft text-pretty">{children}</div>}
      {action !== undefined && <div className="mt-6">{action}</div>}
    </div>
  );
}

export function ErrorState({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const requestId = error instanceof ApiError ? error.requestId : null;
  return (
    <div role="alert">
      <EmptyState
        icon="warning"
        title="This could not be loaded"
        action={
          onRetry !== undefined && (
            <Button onClick={onRetry} icon="reset">
              Try again
            </Button>
          )
        }
      >
        {sentenceOf(error)}
        {requestId !== null && <p className="code mt-3 text-xs text-faint">Request {requestId}</p>}
      </EmptyState>
    </div>
  );
}

/** A failure beside a form or an action. */
export function Notice({
  tone = "missed",
  title,
  children,
  action,
}: {
  tone?: "missed" | "fault" | "warn" | "good" | "plain";
  title?: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  const tones = {
    missed: "border-missed/40 bg-missed/8 [--tone:var(--color-missed)]",
    fault: "border-fault/40 bg-fault/8 [--tone:var(--color-fault)]",
    warn: "border-warn/40 bg-warn/8 [--tone:var(--color-warn)]",
    good: "border-good/40 bg-good/8 [--tone:var(--color-good)]",
    plain: "border-line bg-surface [--tone:var(--color-soft)]",
  };
  const icons = { missed: "warning", fault: "fault", warn: "warning", good: "check", plain: "info" } as const;
  return (
    <div
      role={tone === "missed" || tone === "fault" ? "alert" : "status"}
      className={`flex gap-3 rounded-lg border px-4 py-3 text-sm ${tones[tone]}`}
    >
      <Icon name={icons[tone]} className="mt-0.5 text-(--tone)" />
      <div className="min-w-0 flex-1">
        {title !== undefined && <p className="font-semibold">{title}</p>}
        {children !== undefined && <div className="text-soft [overflow-wrap:anywhere]">{children}</div>}
      </div>
      {action}
    </div>
  );
}

/** A grey shape where text will be. */
export function Bone({ className = "" }: { className?: string }) {
  return <span aria-hidden="true" className={`block animate-pulse-soft rounded-sm bg-line ${className}`} />;
}

export function Loading({ label }: { label: string }) {
  return (
    <div role="status" className="grid h-full min-h-60 place-items-center text-faint">
      <span className="flex items-center gap-2.5 text-sm">
        <Icon name="pulse" className="animate-pulse-soft" /> {label}
      </span>
    </div>
  );
}
