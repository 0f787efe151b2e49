// The orders of the job list. Each is total (the id comes last) and has an index whose columns are its keys.
import type { JobSort } from "@nightbell/contract";
import { type RawBuilder, sql } from "kysely";
import { z } from "zod";

/** One column of an order: how the database knows it, and how a cursor carries it. */
interface SortKey {
  readonly column: RawBuilder<unknown>;
  readonly toText: RawBuilder<string>;
  readonly text: z.ZodType<string, string>;
  readonly fromText: (text: string) => RawBuilder<unknown>;
}

export interface Order {
  readonly keys: readonly SortKey[];
  readonly isDescending: boolean;
}

type SortName = Exclude<z.output<typeof JobSort>, `-${string}`>;

const wholeNumber = z.string().regex(/^\d{1,16}$/);

const id: SortKey = {
  column: sql`jobs.id`,
  toText: sql`jobs.id::text`,
  text: z.uuid(),
  fromText: (text) => sql`${text}::uuid`,
};
const title: SortKey = {
  column: sql`lower(jobs.title)`,
  toText: sql`lower(jobs.title)`,
  text: z.string(),
  fromText: (text) => sql`${text}::text`,
};
const status: SortKey = {
  column: sql`jobs.status`,
  toText: sql`jobs.status`,
  text: z.string(),
  fromText: (text) => sql`${text}::text`,
};
const cadence: SortKey = {
  column: sql`jobs.cadence_ms`,
  toText: sql`jobs.cadence_ms::text`,
  text: wholeNumber.max(9),
  fromText: (text) => sql`${text}::integer`,
};
/** Carried in microseconds, which is what Postgres keeps and a Date would cut. */
const createdAt: SortKey = {
  column: sql`jobs.created_at`,
  toText: sql`(extract(epoch from jobs.created_at) * 1000000)::bigint::text`,
  text: wholeNumber,
  fromText: (text) => sql`(timestamptz 'epoch' + ${text}::bigint * interval '1 microsecond')`,
};

const keysByName: Record<SortName, readonly SortKey[]> = {
  createdAt: [createdAt, id], // jobs_by_organisation; with a filter jobs_by_status, jobs_by_type
  title: [title, id], // jobs_by_title
  status: [status, createdAt, id], // jobs_by_status
  cadenceSeconds: [cadence, id], // jobs_by_cadence
};

export function orderOf(sort: z.output<typeof JobSort>): Order {
  const isDescending = sort.startsWith("-");
  return { keys: keysByName[(isDescending ? sort.slice(1) : sort) as SortName], isDescending };
}

/** The same order from its other end. */
export function opposite(sort: z.output<typeof JobSort>): z.output<typeof JobSort> {
  return (sort.startsWith("-") ? sort.slice(1) : `-${sort}`) as z.output<typeof JobSort>;
}

export function orderBy(
  { keys, isDescending }: Order,
  columns = keys.map((key) => key.column),
): RawBuilder<unknown> {
  const direction = isDescending ? sql`desc` : sql`asc`;
  return sql.join(columns.map((column) => sql`${column} ${direction}`));
}

/** The condition of what comes after the row with these keys. */
export function isAfter(
  { keys, isDescending }: Order,
  texts: readonly string[],
  columns = keys.map((key) => key.column),
): RawBuilder<boolean> {
  const values = keys.map((key, index) => key.fromText(texts[index] ?? ""));
  return sql`(${sql.join(columns)}) ${isDescending ? sql`<` : sql`>`} (${sql.join(values)})`;
}

/** What a cursor of this order holds. */
export function cursorKeys({ keys }: Order) {
  return z
    .array(z.string())
    .refine(
      (texts) =>
        texts.length === keys.length && keys.every((key, index) => key.text.safeParse(texts[index]).success),
    );
}
