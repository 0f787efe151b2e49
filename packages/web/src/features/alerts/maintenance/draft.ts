// A maintenance window as a form holds it.
import type { MaintenanceWindow } from "@nightbell/contract";
import { fromLocalText, toLocalText } from "../../samples/localTime.js";
import type { SelectorDraft } from "../SelectorFields.js";

export interface WindowDraft {
  name: string;
  selector: SelectorDraft;
  kind: "once" | "recurring";
  /** As `datetime-local` has them, in the person's time zone. */
  from: string;
  to: string;
  cron: string;
  durationMinutes: string;
  timeZone: string;
  isEnabled: boolean;
}

const HOUR_MS = 3_600_000;

/** The next full hour, or two hours every Sunday night. */
export function emptyDraft(timeZone: string, now: number): WindowDraft {
  const from = Math.ceil(now / HOUR_MS) * HOUR_MS;
  return {
    name: "",
    selector: { kind: "all", type: "icmp", jobIds: [] },
    kind: "recurring",
    from: minutesOf(from, timeZone),
    to: minutesOf(from + HOUR_MS, timeZone),
    cron: "0 2 * * SUN",
    durationMinutes: "120",
    timeZone,
    isEnabled: true,
  };
}

export function draftOf(window: MaintenanceWindow, timeZone: string, now: number): WindowDraft {
  const { name, selector, schedule, isEnabled } = window;
  const draft = emptyDraft(timeZone, now);
  return {
    ...draft,
    name,
    isEnabled,
    selector: { ...draft.selector, ...selector },
    kind: schedule.kind,
    ...(schedule.kind === "once"
      ? {
          from: minutesOf(Date.parse(schedule.from), timeZone),
          to: minutesOf(Date.parse(schedule.to), timeZone),
        }
      : { ...schedule, durationMinutes: String(schedule.durationMinutes) }),
  };
}

/** The body as the contract wants it; what cannot be read stays text, for the contract to refuse. */
export function toBody(draft: WindowDraft, timeZone: string): Record<string, unknown> {
  const { name, selector, isEnabled } = draft;
  const { kind, type, jobIds } = selector;
  return {
    name,
    selector: kind === "type" ? { kind, type } : kind === "jobs" ? { kind, jobIds } : { kind },
    schedule:
      draft.kind === "once"
        ? { kind: "once", from: instantOf(draft.from, timeZone), to: instantOf(draft.to, timeZone) }
        : {
            kind: "recurring",
            cron: draft.cron.trim().replaceAll(/\s+/g, " "),
            durationMinutes: Number(draft.durationMinutes) || draft.durationMinutes,
            timeZone: draft.timeZone.trim(),
          },
    isEnabled,
  };
}

function minutesOf(atMs: number, timeZone: string): string {
  return toLocalText(atMs, timeZone).slice(0, 16);
}

function instantOf(text: string, timeZone: string): string {
  const atMs = fromLocalText(text, timeZone);
  return atMs === null ? text : new Date(atMs).toISOString();
}
