// What the members of an organisation see of pollers: those of shared locations and of their own, with the load of the
// whole poller, but of jobs only their own.
import {
  type PageQuery,
  type PollerPage,
  type Poller,
  type PollerReferences,
  PollerState,
} from "@nightbell/contract";
import { sql } from "kysely";
import { z } from "zod";
import type { Db } from "../../platform/db.js";
import {
  cursorScope,
  decodeCursor,
  encodeCursor,
  pagination,
  refusePageWithCursor,
} from "../../platform/pagination.js";
import { type BucketSet, hasBucket } from "./buckets.js";
import type { PollerStats } from "./queries.js";
import type { ReferenceStats } from "./reference-stats.js";
import { LEASE_MS } from "./rules.js";
import { replicaOf } from "./share.js";

/** Location, name and id. */
const CursorKeys = z.tuple([z.string(), z.string(), z.uuid()]);

interface ListedPoller {
  id: string;
  location: string;
  name: string;
  kind: "local" | "remote";
  state: string;
  leaseMs: number;
  startedAt: Date;
  diedAt: Date | null;
  buckets: BucketSet | null;
  replicaCount: number | null;
  replicaId: number | null;
  stats: PollerStats;
}

export async function listPollers(db: Db, organisationId: string, query: PageQuery): Promise<PollerPage> {
  refusePageWithCursor(query);
  const scope = cursorScope("pollers", query);
  const after = query.cursor === undefined ? null : decodeCursor(query.cursor, scope, CursorKeys);
  const [rows, total] = await Promise.all([
    selectPollers(db, organisationId, {
      after,
      offset: ((query.page ?? 1) - 1) * query.limit,
      limit: query.limit + 1,
    }),
    countPollers(db, organisationId),
  ]);
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  const countOf = await countJobs(db, organisationId, shown);
  return {
    data: shown.map((row) => toApi(row, countOf(row))),
    pagination: pagination(query, {
      total,
      isEstimate: false,
      hasNextPage: rows.length > query.limit,
      nextCursor: last === undefined ? null : encodeCursor(scope, [last.location, last.name, last.id]),
    }),
  };
}

async function selectPollers(
  db: Db,
  organisationId: string,
  window: { after: z.output<typeof CursorKeys> | null; offset: number; limit: number },
): Promise<ListedPoller[]> {
  const [location, name, id] = window.after ?? [null, null, null];
  const { rows } = await sql<ListedPoller>`
    select id, locations.name as location, pollers.name, kind, state, started_at as "startedAt", died_at as "diedAt",
      (extract(epoch from lease_until - now()) * 1000)::float8 as "leaseMs",
      buckets, replica_count as "replicaCount", replica_id as "replicaId", stats
    from pollers join locations using (location_no)
    where ${isVisible(organisationId)}
      and (${id}::uuid is null or (locations.name, pollers.name, id) > (${location}, ${name}, ${id}::uuid))
    order by locations.name, pollers.name, id
    offset ${window.offset} limit ${window.limit}`.execute(db);
  return rows;
}

async function countPollers(db: Db, organisationId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from pollers join locations using (location_no) where ${isVisible(organisationId)}`.execute(
    db,
  );
  return rows[0]?.count ?? 0;
}

function isVisible(organisationId: string) {
  return sql<boolean>`(locations.organisation_id is null or locations.organisation_id = ${organisationId})`;
}

/** The organisation's running jobs of a poller, counted once for all of them. By jobs_by_status. */
async function countJobs(
  db: Db,
  organisationId: string,
  pollers: readonly ListedPoller[],
): Promise<(poller: ListedPoller) => number> {
  const living = pollers.filter(({ state }) => state !== "dead");
  const counts = new Map<string, number>();
  for (const replicaCount of new Set(living.map((poller) => poller.replicaCount))) {
    const part = replicaCount === null ? sql<number>`job_bucket(job_no)` : replicaOf(replicaCount);
    const { rows } = await sql<{ location: string; part: number; count: number }>`
      select location, ${part} as part, count(*) from jobs, unnest(locations) as location
      where organisation_id = ${organisationId} and status = 'running'
        and location = any(${living.map(({ location }) => location)}::text[])
      group by 1, 2`.execute(db);
    for (const row of rows) counts.set(`${row.location} ${replicaCount} ${row.part}`, row.count);
  }
  return ({ state, location, buckets, replicaCount, replicaId }) => {
    if (state === "dead") return 0;
    const countOf = (part: number | null) => counts.get(`${location} ${replicaCount} ${part}`) ?? 0;
    if (buckets === null) return countOf(replicaId);
    let count = 0;
    for (let bucket = 0; bucket < buckets.length * 8; bucket += 1) {
      if (hasBucket(buckets, bucket)) count += countOf(bucket);
    }
    return count;
  };
}

function toApi(row: ListedPoller, jobCount: number): Poller {
  const { id, name, location, kind, stats } = row;
  return {
    id,
    name,
    location,
    kind,
    sharing: row.buckets === null ? "static" : "live",
    state: PollerState.parse(row.state),
    jobCount,
    samplesPerSecond: stats.samplesPerSecond,
    latenessP99Ms: stats.latenessP99Ms,
    memoryBytes: stats.memoryBytes,
    clockOffsetMs: stats.clockOffsetMs === null ? null : Math.round(stats.clockOffsetMs),
    references: referencesOf(stats.references),
    leaseAgeMs: Math.max(0, Math.round(LEASE_MS - row.leaseMs)),
    version: stats.version,
    startedAt: row.startedAt.toISOString(),
    diedAt: row.diedAt?.toISOString() ?? null,
  };
}

function referencesOf(references: ReferenceStats | undefined): PollerReferences | null {
  if (references === undefined) return null;
  const { targets, offlineSince } = references;
  return {
    targets: targets.map((target) => ({ ...target })),
    offlineSince: offlineSince === null ? null : new Date(offlineSince).toISOString(),
  };
}
