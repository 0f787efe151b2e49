import type { Role } from "@nightbell/contract";
import { type Expression, sql } from "kysely";
import type { Db, Tx } from "../../platform/db.js";
import type { TimedRow, TimeWindow } from "../../platform/pagination.js";

/** An account in one of its organisations. */
export interface AccountRow {
  id: string;
  email: string;
  name: string;
  password_hash: string;
  time_zone: string;
  skills: string[];
  is_test_account: boolean;
  completion_emails: boolean;
  created_at: Date;
  organisation_id: string;
  organisation_name: string;
  role: Role;
  joined_at: Date;
}

/** Served by the primary keys of users, memberships and organisations, and by users.email. */
function accounts(db: Db | Tx) {
  return db
    .selectFrom("users")
    .innerJoin("memberships", "memberships.user_id", "users.id")
    .innerJoin("organisations", "organisations.id", "memberships.organisation_id")
    .select([
      "users.id",
      "users.email",
      "users.name",
      "users.password_hash",
      "users.time_zone",
      "users.skills",
      "users.is_test_account",
      "users.completion_emails",
      "users.created_at",
      "memberships.organisation_id",
      "organisations.name as organisation_name",
      sql<Role>`memberships.role`.as("role"),
      "memberships.created_at as joined_at",
    ]);
}

export function findAccount(
  db: Db | Tx,
  organisationId: string,
  userId: string,
): Promise<AccountRow | undefined> {
  return accounts(db)
    .where("users.id", "=", userId)
    .where("memberships.organisation_id", "=", organisationId)
    .executeTakeFirst();
}

/** Served by the primary key. */
export async function findPasswordHash(db: Db, userId: string): Promise<string | null> {
  const row = await db
    .selectFrom("users")
    .select("password_hash")
    .where("id", "=", userId)
    .executeTakeFirst();
  return row?.password_hash ?? null;
}

/** The account in the organisation it joined first. */
export function findAccountByEmail(db: Db, email: string): Promise<AccountRow | undefined> {
  return accounts(db)
    .where("users.email", "=", email)
    .orderBy("memberships.created_at")
    .limit(1)
    .executeTakeFirst();
}

/** Served by memberships_by_organisation. */
export function listAccounts(
  db: Db,
  organisationId: string,
  window: TimeWindow,
): Promise<(AccountRow & TimedRow)[]> {
  return accounts(db)
    .select(sql<string>`memberships.created_at::text`.as("time_key"))
    .where("memberships.organisation_id", "=", organisationId)
    .$if(window.after !== null, (query) =>
      query.where(
        sql<boolean>`(memberships.created_at, users.id) > (${window.after?.time}::timestamptz, ${window.after?.id}::uuid)`,
      ),
    )
    .orderBy("memberships.created_at")
    .orderBy("users.id")
    .offset(window.offset)
    .limit(window.limit)
    .execute();
}

export async function countAccounts(db: Db, organisationId: string): Promise<number> {
  const { count } = await db
    .selectFrom("memberships")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("organisation_id", "=", organisationId)
    .executeTakeFirstOrThrow();
  return count;
}

export async function existsAnyUser(db: Db | Tx): Promise<boolean> {
  const found = await db.selectNoFrom((eb) => exists(eb.selectFrom("users").select("id"))).executeTakeFirst();
  return found?.exists ?? false;
}

function exists(query: Expression<unknown>) {
  return sql<boolean>`exists (${query})`.as("exists");
}

/** Served by the unique index on sessions.token_hash. */
export function findSession(db: Db, tokenHash: Buffer, now: Date) {
  return db
    .selectFrom("sessions")
    .innerJoin("users", "users.id", "sessions.user_id")
    .innerJoin("memberships", (join) =>
      join
        .onRef("memberships.user_id", "=", "sessions.user_id")
        .onRef("memberships.organisation_id", "=", "sessions.organisation_id"),
    )
    .select([
      "sessions.id",
      "sessions.last_used_at",
      "sessions.user_id",
      "sessions.organisation_id",
      "users.is_test_account",
      sql<Role>`memberships.role`.as("role"),
    ])
    .where("sessions.token_hash", "=", tokenHash)
    .where("sessions.expires_at", ">", now)
    .executeTakeFirst();
}

export async function insertSession(
  db: Db | Tx,
  session: {
    id: string;
    token_hash: Buffer;
    user_id: string;
    organisation_id: string;
    created_at: Date;
    expires_at: Date;
    last_used_at: Date;
    address: string | null;
    user_agent: string | null;
  },
): Promise<void> {
  await db.insertInto("sessions").values(session).execute();
}

export async function noteSessionUse(db: Db, id: string, now: Date): Promise<void> {
  await db.updateTable("sessions").set({ last_used_at: now }).where("id", "=", id).execute();
}

export interface SessionRow extends TimedRow {
  address: string | null;
  user_agent: string | null;
  created_at: Date;
  last_used_at: Date;
  expires_at: Date;
  is_current: boolean;
}

/** Of a person, in whatever organisation, newest first. Served by sessions_by_user. */
export function listSessions(
  db: Db,
  { userId, tokenHash, now }: { userId: string; tokenHash: Buffer; now: Date },
  window: TimeWindow,
): Promise<SessionRow[]> {
  return db
    .selectFrom("sessions")
    .select(["id", "address", "user_agent", "created_at", "last_used_at", "expires_at"])
    .select(sql<string>`created_at::text`.as("time_key"))
    .select(sql<boolean>`token_hash = ${tokenHash}`.as("is_current"))
    .where("user_id", "=", userId)
    .where("expires_at", ">", now)
    .$if(window.after !== null, (query) =>
      query.where(
        sql<boolean>`(created_at, id) < (${window.after?.time}::timestamptz, ${window.after?.id}::uuid)`,
      ),
    )
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .offset(window.offset)
    .limit(window.limit)
    .execute();
}

export async function countSessions(db: Db, userId: string, now: Date): Promise<number> {
  const { count } = await db
    .selectFrom("sessions")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("user_id", "=", userId)
    .where("expires_at", ">", now)
    .executeTakeFirstOrThrow();
  return count;
}

/** One of a person's, or all but one. Returns how many. */
export async function deleteSessionsOf(
  db: Db | Tx,
  userId: string,
  which: { id: string } | { exceptHash: Buffer },
): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom("sessions")
    .where("user_id", "=", userId)
    .where((eb) => ("id" in which ? eb("id", "=", which.id) : eb("token_hash", "<>", which.exceptHash)))
    .executeTakeFirst();
  return Number(numDeletedRows);
}

export async function deleteSession(db: Db, tokenHash: Buffer): Promise<void> {
  await db.deleteFrom("sessions").where("token_hash", "=", tokenHash).execute();
}

/** Served by sessions_by_expiry. Bounded, so that a long pause does not end in one long transaction. */
export async function deleteExpiredSessions(db: Db, now: Date, limit: number): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom("sessions")
    .where("id", "in", (eb) =>
      eb.selectFrom("sessions").select("id").where("expires_at", "<=", now).limit(limit),
    )
    .executeTakeFirst();
  return Number(numDeletedRows);
}
