import type {
  ApiKeyPage,
  Job,
  MemberPage,
  NewApiKey,
  OpenSessionPage,
  Problem,
  Profile,
  Session,
  Setup,
  User,
} from "@nightbell/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeExpiredSessions } from "../src/features/accounts/index.js";
import { type ApiWorld, apiWorld } from "./api-world.js";
import { HandClock } from "./hand-clock.js";

const DAY_MS = 86_400_000;
const ada = { email: "ada@example.com", password: "correct horse battery", name: "Ada" };

describe("the first account", () => {
  it("is always welcome; the next ones need OPEN_REGISTRATION", async () => {
    await using world = await apiWorld({ config: { OPEN_REGISTRATION: false } });
    const visitor = world.anonymous();
    const setup = async () => (await visitor.get<Setup>("/api/setup")).body;
    expect(await setup()).toEqual({ needsFirstAccount: true, registrationOpen: true });
    const first = await visitor.post<Session>("/api/auth/register", ada);
    expect(first.status).toBe(201);
    expect(first.body.user).toMatchObject({
      email: ada.email,
      isTestAccount: false,
      organisation: { role: "owner" },
    });
    expect(await setup()).toEqual({ needsFirstAccount: false, registrationOpen: false });
    const second = await visitor.post<Problem>("/api/auth/register", { ...ada, email: "bob@example.com" });
    expect(second.status).toBe(403);
    expect(second.body).toMatchObject({ code: "registration_closed" });
  });

  it("is one account, also when several race for it", async () => {
    await using world = await apiWorld({ config: { OPEN_REGISTRATION: false } });
    const visitor = world.anonymous();
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        visitor.post("/api/auth/register", { ...ada, email: `ada${index}@example.com` }),
      ),
    );
    expect(statusesOf(answers)).toEqual([201, 403, 403, 403, 403]);
    expect(await world.db.selectFrom("users").select("id").execute()).toHaveLength(1);
    expect(await world.db.selectFrom("organisations").select("id").execute()).toHaveLength(1);
  });
});

it("cannot be registered without end from one address, taken names included", async () => {
  const clock = new HandClock();
  await using world = await apiWorld({ clock, config: { REGISTRATIONS_PER_HOUR: 3 } });
  const attempt = (email: string) =>
    world.anonymous().post<Problem>("/api/auth/register", { ...ada, email: `${email}@example.com` });
  const statuses = [];
  for (const email of ["a", "b", "a", "c"]) statuses.push((await attempt(email)).status);
  expect(statuses).toEqual([201, 201, 409, 429]);
  const refused = await attempt("d");
  expect(refused.body).toMatchObject({
    code: "rate_limited",
    detail: "From your address 3 accounts an hour can be registered; try again in 1200 seconds.",
  });
  expect(refused.headers.get("retry-after")).toBe("1200");
  clock.advance(20 * 60_000);
  expect((await attempt("d")).status).toBe(201);
});

describe("an account", () => {
  const clock = new HandClock();
  let world: ApiWorld;
  beforeAll(async () => {
    world = await apiWorld({ clock });
  });
  afterAll(() => world[Symbol.asyncDispose]());
  const as = (token: string) => Object.assign(world.anonymous(), { token });

  it("belongs to one email address, in any case, also when two race for it", async () => {
    const visitor = world.anonymous();
    const answers = await Promise.all(
      ["grace@example.com", " Grace@Example.COM "].map((email) =>
        visitor.post("/api/auth/register", { ...ada, email }),
      ),
    );
    expect(statusesOf(answers)).toEqual([201, 409]);
    expect(await visitor.post("/api/auth/register", { ...ada, email: "grace@example.com" })).toMatchObject({
      status: 409,
      body: { code: "email_taken" },
    });
  });

  it.each([
    [{}, ["email", "password", "name"]],
    [{ ...ada, email: "not an address" }, ["email"]],
    [{ ...ada, password: "short" }, ["password"]],
    [{ ...ada, password: "x".repeat(201) }, ["password"]],
    [{ ...ada, name: "  " }, ["name"]],
    [{ ...ada, role: "owner" }, ["role"]],
    [{ ...ada, email: ["a@example.com"] }, ["email"]],
  ])("is not made from %j", async (body, paths) => {
    const answer = await world.anonymous().post<Problem>("/api/auth/register", body);
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.map((error) => error.path)).toEqual(paths);
  });

  it("logs in, by token or by a cookie that scripts cannot read", async () => {
    const client = world.anonymous();
    const { email, password, session } = await client.register();
    const login = await world
      .anonymous()
      .post<Session>("/api/auth/login", { email: email.toUpperCase(), password });
    expect(login.status).toBe(200);
    expect(login.body.token).not.toBe(session.token);
    const cookie = login.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^nightbell_session=[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/);
    const byCookie = await world
      .anonymous()
      .get<Profile>("/api/profile", { cookie: cookie.split(";")[0] ?? "" });
    expect(byCookie.body.email).toBe(email);
    expect((await world.anonymous().get("/api/profile")).status).toBe(401);
  });

  it("is given no hint whether the address or the password was wrong", async () => {
    const { email } = await world.anonymous().register();
    const visitor = world.anonymous();
    const wrong = await visitor.post<Problem>("/api/auth/login", { email, password: "wrong" });
    const unknown = await visitor.post<Problem>("/api/auth/login", {
      email: "no@example.com",
      password: "wrong",
    });
    expect(wrong.status).toBe(401);
    expect({ ...wrong.body, requestId: "" }).toEqual({ ...unknown.body, requestId: "" });
  });

  it("cannot be guessed: after ten failures even the right password has to wait", async () => {
    const { email, password } = await world.anonymous().register();
    const visitor = world.anonymous();
    const attempt = (guess: string) => visitor.post("/api/auth/login", { email, password: guess });
    const guesses = await Promise.all(Array.from({ length: 12 }, (_, index) => attempt(`guess ${index}`)));
    expect(guesses.filter((answer) => answer.status === 401)).toHaveLength(10);
    const refused = await attempt(password);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(60);
    clock.advance(2 * 60_000);
    expect((await attempt(password)).status).toBe(200);
  });

  it("keeps its password as a salted scrypt hash and its sessions as hashes", async () => {
    const client = world.anonymous();
    const { session } = await client.register();
    const { password_hash } = await world.db
      .selectFrom("users")
      .select("password_hash")
      .where("id", "=", session.user.id)
      .executeTakeFirstOrThrow();
    expect(password_hash).toMatch(/^scrypt\$n=16384,r=8,p=5\$[\w-]{22}\$[\w-]{43}$/);
    const stored = await world.db.selectFrom("sessions").select("token_hash").execute();
    expect(stored.every((row) => row.token_hash.length === 32)).toBe(true);
    expect(stored.some((row) => row.token_hash.toString().includes(session.token))).toBe(false);
  });

  it("is logged out by logging out, and by time", async () => {
    const client = await world.owner();
    const { token } = client;
    expect((await client.post("/api/auth/logout")).status).toBe(204);
    expect((await client.get("/api/profile")).status).toBe(401);
    expect((await client.post("/api/auth/logout")).status).toBe(204);
    const other = await world.owner();
    expect(other.token).not.toBe(token);
    clock.advance(30 * DAY_MS);
    expect((await other.get("/api/profile")).status).toBe(401);
    await removeExpiredSessions(world.db, clock.now());
    expect(await world.db.selectFrom("sessions").select("id").execute()).toEqual([]);
  });

  it("whose session is revoked elsewhere, or whose role changes, acts for two seconds more at most", async () => {
    const client = world.anonymous();
    const { session } = await client.register();
    expect((await client.get("/api/profile")).status).toBe(200);
    await world.db.deleteFrom("sessions").where("user_id", "=", session.user.id).execute();
    clock.advance(2_000);
    expect((await client.get("/api/profile")).status).toBe(401);
  });

  it("sees where it is logged in, and ends any of these", async () => {
    const laptop = world.anonymous();
    const { email, password } = await laptop.register();
    const stranger = world.anonymous();
    await stranger.register();
    const logIn = async (userAgent: string) => {
      clock.advance(1_000);
      const visitor = world.anonymous();
      const answer = await visitor.post<Session>(
        "/api/auth/login",
        { email, password },
        { "user-agent": userAgent },
      );
      return as(answer.body.token);
    };
    const phone = await logIn("Phone/1.0");
    const kiosk = await logIn("Kiosk/2.0");
    const list = async (client = laptop) => (await client.get<OpenSessionPage>("/api/sessions")).body;
    const { data, pagination } = await list();
    expect(data.map((session) => [session.userAgent, session.isCurrent])).toEqual([
      ["Kiosk/2.0", false],
      ["Phone/1.0", false],
      [expect.any(String), true],
    ]);
    expect(data[0]).toMatchObject({ address: "127.0.0.1", lastUsedAt: data[0]?.createdAt });
    expect(pagination).toMatchObject({ totalItems: 3, nextCursor: null });

    // A use is noted to within a minute.
    clock.advance(61_000);
    expect((await phone.get("/api/profile")).status).toBe(200);
    expect((await list()).data[1]?.lastUsedAt).toBe(new Date(clock.now()).toISOString());

    const ended = data[0]?.id;
    expect((await stranger.delete(`/api/sessions/${ended}`)).status).toBe(404);
    expect((await kiosk.get("/api/profile")).status).toBe(200);
    expect((await laptop.delete(`/api/sessions/${ended}`)).status).toBe(204);
    expect((await kiosk.get("/api/profile")).status).toBe(401);
    expect((await laptop.delete(`/api/sessions/${ended}`)).status).toBe(404);

    expect((await laptop.delete("/api/sessions")).status).toBe(204);
    expect([(await phone.get("/api/profile")).status, (await laptop.get("/api/profile")).status]).toEqual([
      401, 200,
    ]);
    expect((await stranger.get("/api/profile")).status).toBe(200);
  });

  it("changes its password by the old one, which ends its other sessions", async () => {
    const person = world.anonymous();
    const { email, password } = await person.register();
    const logIn = (with_: string) =>
      world.anonymous().post<Session>("/api/auth/login", { email, password: with_ });
    const other = as((await logIn(password)).body.token);
    const change = (currentPassword: string, newPassword = "another horse battery") =>
      person.post<Problem>("/api/profile/password", { currentPassword, newPassword });
    expect((await change(password, "short")).body.errors?.[0]?.path).toBe("newPassword");
    expect((await change("not this one")).body.errors).toEqual([
      { path: "currentPassword", message: "is not your password" },
    ]);
    expect((await other.get("/api/profile")).status).toBe(200);
    expect((await change(password)).status).toBe(204);
    expect([(await person.get("/api/profile")).status, (await other.get("/api/profile")).status]).toEqual([
      200, 401,
    ]);
    expect([(await logIn(password)).status, (await logIn("another horse battery")).status]).toEqual([
      401, 200,
    ]);
    for (let n = 0; n < 5; n += 1) expect((await change("guess")).status).toBe(400);
    expect((await change("another horse battery")).status).toBe(429);
  });

  it("makes keys for programs, which may do what they are for and no more", async () => {
    const person = await world.owner();
    const { body: profile } = await person.get<Profile>("/api/profile");
    const stranger = world.anonymous();
    await stranger.register();
    const makeKey = (body: object) => person.post<NewApiKey>("/api/keys", body);
    const made = await makeKey({ name: "dashboard", role: "viewer", expiresInDays: 1 });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      name: "dashboard",
      role: "viewer",
      expiresAt: new Date(clock.now() + DAY_MS).toISOString(),
      lastUsedAt: null,
    });
    const dashboard = as(made.body.token);
    const job = { title: "by a key", type: "icmp", target: "127.0.0.1", cadenceSeconds: 60 };
    expect((await dashboard.get("/api/jobs")).status).toBe(200);
    expect((await dashboard.post<Problem>("/api/jobs", job)).status).toBe(403);
    const list = async () => (await person.get<ApiKeyPage>("/api/keys")).body.data;
    expect(await list()).toMatchObject([
      { name: "dashboard", lastUsedAt: new Date(clock.now()).toISOString() },
    ]);
    expect(JSON.stringify(await list())).not.toContain(made.body.token.slice(-20));
    const rows = await world.db.selectFrom("api_keys").select("token_hash").execute();
    expect(rows.some((row) => row.token_hash.toString().includes(made.body.token))).toBe(false);

    const script = as((await makeKey({ name: "script", role: "responder", expiresInDays: null })).body.token);
    expect((await script.post<Job>("/api/jobs", job)).status).toBe(201);
    // It acts for its maker, and never with more than these have by then.
    for (const [method, path] of [
      ["post", "/api/keys"],
      ["delete", `/api/keys/${made.body.id}`],
      ["delete", "/api/sessions"],
    ] as const) {
      const answer = await (method === "post"
        ? script.post<Problem>(path, { name: "x", role: "viewer" })
        : script.delete<Problem>(path));
      expect([path, answer.status, answer.body.code]).toEqual([path, 403, "forbidden"]);
    }
    await world.db
      .updateTable("memberships")
      .set({ role: "viewer" })
      .where("user_id", "=", profile.id)
      .execute();
    clock.advance(2_000);
    expect((await script.post("/api/jobs", job)).status).toBe(403);
    expect((await makeKey({ name: "more", role: "admin" })).body).toMatchObject({
      errors: [{ path: "role" }],
    });

    // Its end: by time, and by its maker alone.
    clock.advance(DAY_MS);
    expect((await dashboard.get("/api/jobs")).status).toBe(401);
    const [scriptKey] = await list();
    expect((await stranger.delete(`/api/keys/${scriptKey?.id}`)).status).toBe(404);
    expect((await script.get("/api/jobs")).status).toBe(200);
    expect((await person.delete(`/api/keys/${scriptKey?.id}`)).status).toBe(204);
    expect((await script.get("/api/jobs")).status).toBe(401);
  });

  it("changes its profile, and nothing that is not its own to change", async () => {
    const client = await world.owner();
    const patched = await client.patch<Profile>("/api/profile", {
      name: " Ada L. ",
      timeZone: "Europe/Berlin",
      skills: ["dns", "tls"],
    });
    expect(patched.body).toMatchObject({ name: "Ada L.", timeZone: "Europe/Berlin", skills: ["dns", "tls"] });
    expect(patched.body.contactMethods).toEqual([
      { id: patched.body.id, channel: "email", address: patched.body.email, isVerified: false },
    ]);
    expect(patched.body.completionEmails).toBe(true);
    const quiet = await client.patch<Profile>("/api/profile", { completionEmails: false });
    expect(quiet.body).toEqual({ ...patched.body, completionEmails: false });
    await client.patch("/api/profile", { completionEmails: true });
    expect((await client.get<Profile>("/api/profile")).body).toEqual(patched.body);
    expect((await client.patch<Profile>("/api/profile", {})).body).toEqual(patched.body);
    const refused = await client.patch<Problem>("/api/profile", {
      timeZone: "Mars/Base",
      isTestAccount: true,
    });
    expect(refused.body.errors).toEqual([
      { path: "timeZone", message: "must be an IANA time zone such as Europe/Berlin" },
      { path: "isTestAccount", message: "is not a known field" },
    ]);
  });
});

describe("members", () => {
  it("are marked as test accounts by the owner of their organisation alone", async () => {
    await using world = await apiWorld();
    const owner = await world.owner();
    const profile = (await owner.get<Profile>("/api/profile")).body;
    const stranger = await world.owner();
    const colleague = world.anonymous();
    const { session } = await colleague.register();
    await join(world, session.user, profile.organisation.id);
    await colleague.login({ email: session.user.email, password: "correct horse battery" });

    const page1 = (await owner.get<MemberPage>("/api/members?limit=1")).body;
    expect(page1.data).toMatchObject([{ id: profile.id, role: "owner", isTestAccount: false }]);
    const page2 = (await owner.get<MemberPage>(`/api/members?limit=1&cursor=${page1.pagination.nextCursor}`))
      .body;
    expect(page2.data).toMatchObject([{ id: session.user.id, role: "responder" }]);
    expect(page2.pagination).toMatchObject({ totalItems: 2, hasNextPage: false, nextCursor: null });
    expect(await owner.get(`/api/members?cursor=${forged(page1.pagination.nextCursor)}`)).toMatchObject({
      status: 400,
    });

    const path = `/api/members/${session.user.id}`;
    expect(await colleague.patch(path, { isTestAccount: true })).toMatchObject({ status: 403 });
    expect(await stranger.patch(path, { isTestAccount: true })).toMatchObject({ status: 404 });
    expect(await owner.patch(path, { isTestAccount: true })).toMatchObject({
      status: 200,
      body: { isTestAccount: true },
    });
    expect((await colleague.get<Profile>("/api/profile")).body.isTestAccount).toBe(true);
  });
});

/** Moves an account into another organisation; invitations do not exist yet. */
async function join(world: ApiWorld, user: User, organisationId: string): Promise<void> {
  await world.db.deleteFrom("memberships").where("user_id", "=", user.id).execute();
  await world.db
    .insertInto("memberships")
    .values({ user_id: user.id, organisation_id: organisationId, role: "responder" })
    .execute();
}

/** In ascending order, for answers that came in any. */
function statusesOf(answers: readonly { status: number }[]): number[] {
  return answers.map((answer) => answer.status).sort((a, b) => a - b);
}

/** The cursor with a time that is none. */
function forged(cursor: string | null): string {
  const [scope, , id] = JSON.parse(Buffer.from(cursor ?? "", "base64url").toString()) as string[];
  return Buffer.from(JSON.stringify([scope, "tomorrow-ish", id])).toString("base64url");
}
