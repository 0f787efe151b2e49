// When a maintenance window is under way. Pure; times are milliseconds since the epoch.
import type { JobSelector, MaintenanceSchedule } from "@nightbell/contract";
import { Cron } from "croner";

const MINUTE_MS = 60_000;

export interface Occurrence {
  from: number;
  /** Exclusive. */
  to: number;
}

/**
 * The occurrence under way at `now`, the one that ends last when several are, otherwise the next one; null when there is
 * none. A recurring window begins at a time of the wall clock: one that daylight saving leaves out begins when the clocks
 * have gone forward, and one that comes twice begins at the first. Its length is real time.
 */
export function occurrenceAt(schedule: MaintenanceSchedule, now: number): Occurrence | null {
  if (schedule.kind === "once") {
    const occurrence = { from: Date.parse(schedule.from), to: Date.parse(schedule.to) };
    return now < occurrence.to ? occurrence : null;
  }
  const cron = cronOf(schedule);
  const durationMs = schedule.durationMinutes * MINUTE_MS;
  const [last] = cron.previousRuns(1, new Date(now + 1)); // strictly before
  const start = last !== undefined && now < last.getTime() + durationMs ? last : cron.nextRun(new Date(now));
  return start === null ? null : { from: start.getTime(), to: start.getTime() + durationMs };
}

export function isActive(occurrence: Occurrence | null, now: number): boolean {
  return occurrence !== null && occurrence.from <= now;
}

/** Schedules that are remembered: some hundred bytes each. */
const MAX_REMEMBERED = 10_000;

/**
 * Whether schedules are active, asked again and again as time goes on. What was found is used until its occurrence is over,
 * for to look through a calendar takes up to milliseconds.
 */
export class ActiveTimes {
  readonly #found = new Map<string, { askedAt: number; occurrence: Occurrence | null }>();

  isActive(schedule: MaintenanceSchedule, now: number): boolean {
    const key = JSON.stringify(schedule);
    let found = this.#found.get(key);
    if (found === undefined || now < found.askedAt || now >= (found.occurrence?.to ?? Infinity)) {
      found = { askedAt: now, occurrence: occurrenceAt(schedule, now) };
      this.#found.set(key, found);
      const [oldest] = this.#found.keys();
      if (this.#found.size > MAX_REMEMBERED && oldest !== undefined) this.#found.delete(oldest);
    }
    return isActive(found.occurrence, now);
  }
}

/** Says what is wrong with a schedule; null when it can be followed. */
export function scheduleFault(
  schedule: MaintenanceSchedule,
): { path: "schedule.cron" | "schedule.to"; message: string } | null {
  if (schedule.kind === "once") {
    return Date.parse(schedule.from) < Date.parse(schedule.to)
      ? null
      : { path: "schedule.to", message: "must lie after `from`" };
  }
  try {
    return cronOf(schedule).nextRun() === null ? { path: "schedule.cron", message: "never comes" } : null;
  } catch {
    return { path: "schedule.cron", message: "must be a cron expression such as 0 2 * * SUN" };
  }
}

/** Whether a rule or a window is about a job. */
export function selects(selector: JobSelector, job: { id: string; type: string }): boolean {
  switch (selector.kind) {
    case "all":
      return true;
    case "type":
      return selector.type === job.type;
    case "jobs":
      return selector.jobIds.includes(job.id);
  }
}

function cronOf({ cron, timeZone }: Extract<MaintenanceSchedule, { kind: "recurring" }>): Cron {
  return new Cron(cron, { timezone: timeZone, mode: "5-part" });
}
