// What a chaos run did to the samples, from the database alone.
import type { Pool } from "pg";
import type { Kill, Span } from "./fleet.js";

export interface Findings {
  readonly due: number;
  readonly stored: number;
  /** Slots that are stored more than once, in whatever table. */
  readonly twice: number;
  /** Slots without a sample: by job, in order. */
  readonly missing: ReadonlyMap<number, readonly number[]>;
  /** Titles of alerts about targets. */
  readonly alerts: readonly string[];
}

/** Slots of all jobs in [from, to), by their grids. Served by the primary keys, which begin with the slot. */
const SLOTS = `
  with due as (
    select job_no, slot
    from job_grids, generate_series(
      from_slot + ceil(greatest($1::bigint - from_slot, 0)::numeric / cadence_ms)::bigint * cadence_ms,
      $2::bigint - 1, cadence_ms) as slot
    where to_slot is null or slot < to_slot
  ), stored as (
    select job_no, slot, count(*) as copies
    from (
      select job_no, slot from samples where slot >= $1 and slot < $2
      union all
      select job_no, slot from late_samples where slot >= $1 and slot < $2
    ) as sample
    group by job_no, slot
  )`;

export async function find(pool: Pool, { from, to }: Span): Promise<Findings> {
  const { rows: totals } = await pool.query<{ due: number; stored: number; twice: number }>(
    `${SLOTS}
     select count(*) as due, count(copies) as stored, count(*) filter (where copies > 1) as twice
     from due left join stored using (job_no, slot)`,
    [from, to],
  );
  const { rows: missing } = await pool.query<{ job_no: number; slots: string[] }>(
    `${SLOTS}
     select job_no, array_agg(slot order by slot) as slots
     from due left join stored using (job_no, slot) where copies is null group by job_no`,
    [from, to],
  );
  const { rows: alerts } = await pool.query<{ title: string }>(
    "select title from alerts where kind <> 'self'",
  );
  const [total] = totals;
  if (total === undefined) throw new Error("no answer");
  return {
    ...total,
    missing: new Map(missing.map(({ job_no, slots }) => [job_no, slots.map(Number)])),
    alerts: alerts.map(({ title }) => title),
  };
}

export interface Gaps {
  readonly count: number;
  readonly longestMs: number;
  /** Of those during which a blackout kept the others from taking over. */
  readonly longestInBlackoutMs: number;
  /** From when others could take over from a poller that was killed, to the last slot of any job that nobody measured. */
  readonly takeoverMs: number;
  /** Slots at a time that no kill explains. */
  readonly unexplained: readonly { readonly jobNo: number; readonly slot: number }[];
}

export interface Explanations {
  readonly kills: readonly Kill[];
  /** What was measured so long before a kill may be lost with the poller. */
  readonly unflushedMs: number;
  /** So long after it, or after the poller was cut off, the others have taken over. */
  readonly takeoverMs: number;
  /** When none of them could reach the database, and so nobody knew who is gone; in order. */
  readonly blackouts: readonly Span[];
  readonly standstills: readonly Span[];
}

/** What is missing, as gaps: slots of a job in a row. */
export function explain({ missing }: Findings, cadenceMs: number, by: Explanations): Gaps {
  const losses = by.kills.map(({ at, awaySince }) => {
    const goneAt = awaySince ?? at;
    const knownAt = by.blackouts.reduce(
      (known, { from, to }) => (from < known + by.takeoverMs && to > known ? to : known),
      goneAt,
    );
    return { from: goneAt - by.unflushedMs, knownAt, to: knownAt + by.takeoverMs };
  });
  const spans: Span[] = [...losses, ...by.standstills];
  const gaps: Span[] = [];
  const unexplained: { jobNo: number; slot: number }[] = [];
  let takeoverMs = 0;
  for (const [jobNo, slots] of missing) {
    let first = Number.NaN;
    slots.forEach((slot, index) => {
      if (!spans.some((span) => holds(span, slot))) unexplained.push({ jobNo, slot });
      if (slots[index - 1] !== slot - cadenceMs) first = slot;
      if (slots[index + 1] !== slot + cadenceMs) gaps.push({ from: first, to: slot + cadenceMs });
      const loss = losses.findLast((span) => holds(span, slot));
      if (loss !== undefined) takeoverMs = Math.max(takeoverMs, slot - loss.knownAt);
    });
  }
  const prolonged = gaps.filter((gap) => by.blackouts.some(({ from, to }) => from < gap.to && to > gap.from));
  return {
    count: gaps.length,
    longestMs: longest(gaps.filter((gap) => !prolonged.includes(gap))),
    longestInBlackoutMs: longest(prolonged),
    takeoverMs,
    unexplained,
  };
}

function longest(spans: readonly Span[]): number {
  return Math.max(0, ...spans.map(({ from, to }) => to - from));
}

function holds({ from, to }: Span, slot: number): boolean {
  return slot > from && slot <= to;
}
