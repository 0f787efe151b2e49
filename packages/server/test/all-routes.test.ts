// What holds for every route of the API, found in its own description so that none is forgotten.
import { Validator } from "@seriousme/openapi-schema-validator";
import type {
  AlertPage,
  AlertRule,
  Job,
  MaintenanceWindow,
  NewApiKey,
  OpenSessionPage,
  Profile,
} from "@nightbell/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApi } from "../src/bin/roles/api.js";
import type { RunningApi } from "../src/bin/roles/role.js";
import { loadConfig } from "../src/config/config.js";
import { raiseSelfAlert } from "../src/features/alerts/index.js";
import { ensurePartitions } from "../src/features/samples/index.js";
import { type DatabaseHandle, openDatabase } from "../src/platform/db.js";
import { errorRegistry } from "../src/platform/errors.js";
import { createLogger } from "../src/platform/log.js";
import { type Answer, type ApiClient, apiClient, createDatabase, type TestDatabase } from "./harness.js";

interface Operation {
  summary?: string;
  tags?: string[];
  security: object[];
  parameters?: { name: string; in: string }[];
  responses: Record<string, { description: string; content?: Record<string, unknown> }>;
}

interface Route {
  method: string;
  path: string;
  operation: Operation;
}

/** Valid bodies of the routes that take one, so that only what they are sent to can be wrong. */
const rule = { name: "Mine", condition: { kind: "missed", missed: 3, of: 3 } };
const window = {
  name: "Mine",
  schedule: { kind: "recurring", cron: "0 2 * * SUN", durationMinutes: 60, timeZone: "UTC" },
};
const bodies: Record<string, unknown> = {
  "PATCH /api/alert-rules/{id}": { name: "taken over" },
  "PATCH /api/maintenance-windows/{id}": { name: "taken over" },
  "POST /api/alert-rules": rule,
  "POST /api/alert-rules/dry-run": { rule },
  "POST /api/alert-rules/{id}/dry-run": {},
  "POST /api/maintenance-windows": window,
  "PUT /api/jobs/{id}/parent": { parentId: null },
  "PATCH /api/jobs/{id}": { title: "taken over" },
  "PATCH /api/members/{id}": { isTestAccount: true },
  "PATCH /api/profile": { name: "Mallory" },
  "POST /api/profile/password": { currentPassword: "wrong", newPassword: "another horse battery" },
  "POST /api/keys": { name: "mine", role: "viewer" },
  "POST /api/jobs": { title: "mine", type: "icmp", target: "127.0.0.1", cadenceSeconds: 60 },
};

/** Queries of the routes that need one. */
const queries: Record<string, (id: string) => string> = {
  "/api/stream": (id) => `?topics=job:${id}`,
};

/** Changes that everybody makes to nobody but themselves. */
const OWN = new Set([
  "PATCH /api/profile",
  "POST /api/profile/password",
  "DELETE /api/sessions",
  "DELETE /api/sessions/{id}",
  "POST /api/keys",
  "DELETE /api/keys/{id}",
]);

let database: TestDatabase;
let handle: DatabaseHandle;
let api: RunningApi;
let owner: ApiClient;
let stranger: ApiClient;
let viewer: ApiClient;
let job: Job;
let profile: Profile;
/** Of the owner's organisation, by the path they are found below. */
let ids: Record<string, string>;
let routes: Route[];
let document: Record<string, unknown>;
const urlOf = () => `http://127.0.0.1:${api.port}`;

beforeAll(async () => {
  database = await createDatabase();
  handle = openDatabase(database.url, { poolSize: 10, applicationName: "all-routes" });
  await ensurePartitions(handle.db, Date.now());
  api = await startApi({
    config: loadConfig({ PORT: "0", OPEN_REGISTRATION: "true", RATE_LIMIT_PER_SECOND: "100000" }),
    database: handle,
    log: createLogger("error", "test"),
    lifecycle: () => "running",
    collectMetrics: async () => [],
    pollerTrouble: () => null,
  });
  [owner, stranger, viewer] = [apiClient(urlOf()), apiClient(urlOf()), apiClient(urlOf())];
  await owner.register();
  await stranger.register();
  const { session } = await viewer.register();
  await handle.db
    .updateTable("memberships")
    .set({ role: "viewer" })
    .where("user_id", "=", session.user.id)
    .execute();
  job = (await owner.post<Job>("/api/jobs", { ...(bodies["POST /api/jobs"] as object), title: "private" }))
    .body;
  profile = (await owner.get<Profile>("/api/profile")).body;
  const own = await owner.post<AlertRule>("/api/alert-rules", { ...rule, name: "private" });
  const ownWindow = await owner.post<MaintenanceWindow>("/api/maintenance-windows", {
    ...window,
    name: "private",
  });
  const alert = { key: "test", title: "private", severity: "info", startedAt: Date.now() } as const;
  const { organisation_id: organisationId } = await handle.db
    .selectFrom("jobs")
    .select("organisation_id")
    .where("id", "=", job.id)
    .executeTakeFirstOrThrow();
  await raiseSelfAlert(handle.db, { ...alert, organisationId }, Date.now());
  const alerts = await owner.get<AlertPage>("/api/alerts");
  ids = {
    "/api/members/": profile.id,
    "/api/keys/": (await owner.post<NewApiKey>("/api/keys", bodies["POST /api/keys"])).body.id,
    "/api/sessions/": (await owner.get<OpenSessionPage>("/api/sessions")).body.data[0]?.id ?? "",
    "/api/alert-rules/": own.body.id,
    "/api/maintenance-windows/": ownWindow.body.id,
    "/api/alerts/": alerts.body.data[0]?.id ?? "",
  };
  document = (await owner.get<Record<string, unknown>>("/api/openapi.json")).body;
  const { paths } = document as { paths: Record<string, Record<string, Operation>> };
  routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );
});
afterAll(async () => {
  await api.stop(5_000);
  await handle.close();
  await database.drop();
});

describe("the description of the API", () => {
  it("is valid OpenAPI 3.1", async () => {
    const result = await new Validator().validate(structuredClone(document));
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(document).toMatchObject({ openapi: "3.1.0" });
  });

  it("says of every route what it does, who may call it and how it fails", () => {
    expect(routes.length).toBeGreaterThan(20);
    const problem = { content: { "application/problem+json": expect.anything() } };
    for (const { path, operation } of routes) {
      const statuses = Object.keys(operation.responses);
      const pathParameters = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
      expect({
        ...operation,
        path,
        succeeds: statuses.some((status) => status.startsWith("2")),
        asksForAccount: operation.responses["401"]?.description.includes("`unauthenticated`") ?? false,
        pathParameters: pathParameters.map((parameter) => `{${parameter.name}}`),
      }).toMatchObject({
        path,
        summary: expect.stringMatching(/\w{3}/),
        tags: [expect.any(String)],
        succeeds: true,
        responses: { 500: problem },
        asksForAccount: operation.security.length > 0,
        pathParameters: path.match(/\{\w+\}/g) ?? [],
      });
    }
  });

  it("names the main routes of the design", () => {
    const names = new Set(routes.map(({ method, path }) => `${method} ${path}`));
    for (const name of [
      "POST /api/auth/register",
      "POST /api/auth/login",
      "GET /api/profile",
      "GET /api/jobs",
      "POST /api/jobs",
      "GET /api/jobs/{id}",
      "POST /api/jobs/{id}/pause",
      "GET /api/jobs/{id}/samples",
      "GET /api/jobs/{id}/series",
      "GET /api/jobs/{id}/summary",
      "GET /api/stream",
      "GET /api/alerts",
      "GET /api/alerts/{id}",
      "GET /api/alert-rules",
      "POST /api/alert-rules",
      "POST /api/alert-rules/{id}/dry-run",
      "POST /api/probes/test",
      "GET /api/health",
      "GET /metrics",
      "GET /probe",
    ]) {
      expect(names).toContain(name);
    }
  });
});

describe("every route that needs an account", () => {
  it("answers 401 without one", async () => {
    expect(await answersOf(apiClient(urlOf()), routes.filter(needsAccount))).toEqual(
      routes.filter(needsAccount).map((route) => `${nameOf(route)} 401`),
    );
  });

  it("lets a viewer read, and change nothing but themselves", async () => {
    const changing = routes.filter(
      (route) => needsAccount(route) && route.method !== "GET" && !OWN.has(nameOf(route)),
    );
    expect(await answersOf(viewer, changing)).toEqual(changing.map((route) => `${nameOf(route)} 403`));
  });

  it("answers 404 for the ids of another organisation, and leaves them as they were", async () => {
    const withId = routes.filter((route) => route.path.includes("{") && !needsPoller(route));
    expect(withId.length).toBeGreaterThanOrEqual(10);
    expect(await answersOf(stranger, withId)).toEqual(withId.map((route) => `${nameOf(route)} 404`));
    expect((await owner.get<Job>(`/api/jobs/${job.id}`)).body).toEqual(job);
    expect((await owner.get<Profile>("/api/profile")).body).toEqual(profile);
    for (const [path, id] of Object.entries(ids).slice(3)) {
      const { status, body } = await owner.get<{ name?: string; title?: string }>(`${path}${id}`);
      expect([status, body.name ?? body.title]).toEqual([200, "private"]);
    }
  });

  it("shows nothing of another organisation in lists, bulk actions and streams", async () => {
    for (const query of ["", "?search=private", "?status=pending&type=icmp", "?page=1", "?sort=title"]) {
      const { body } = await stranger.get<{ data: Job[] }>(`/api/jobs${query}`);
      expect(body.data).toEqual([]);
    }
    expect((await stranger.get(`/api/jobs/recent?ids=${job.id}`)).body).toEqual({ data: [] });
    expect(JSON.stringify((await stranger.get("/api/members")).body)).not.toContain(profile.email);
    for (const path of ["/api/alerts", "/api/alert-rules", "/api/maintenance-windows"]) {
      expect(JSON.stringify((await stranger.get(path)).body)).not.toContain("private");
    }
    for (const action of ["pause", "resume", "cancel", "delete"]) {
      const bulk = await stranger.post("/api/jobs/bulk", { action, ids: [job.id] });
      expect(bulk.body).toMatchObject({ succeeded: [], failed: [{ id: job.id, code: "not_found" }] });
    }
    expect((await stranger.get(`/api/stream?topics=job:${job.id}`)).status).toBe(404);
    expect((await owner.get<Job>(`/api/jobs/${job.id}`)).body).toEqual(job);
  });
});

it("every route of remote pollers answers 401 to whoever has an account", async () => {
  const ofPollers = routes.filter(needsPoller);
  expect(ofPollers.length).toBeGreaterThan(5);
  expect(await answersOf(owner, ofPollers)).toEqual(ofPollers.map((route) => `${nameOf(route)} 401`));
});

it("every error that a route declares is one of the registry", () => {
  const declared = new Set(
    routes.flatMap(({ operation }) =>
      Object.values(operation.responses).flatMap(({ description }) =>
        [...description.matchAll(/`(\w+)`: /g)].map(([, code]) => code ?? ""),
      ),
    ),
  );
  expect([...declared].filter((code) => !(code in errorRegistry))).toEqual([]);
});

function nameOf({ method, path }: Route): string {
  return `${method} ${path}`;
}

function needsAccount({ operation }: Route): boolean {
  return operation.security.some((way) => "session" in way);
}

/** Only the token of a remote poller will do. */
function needsPoller({ operation }: Route): boolean {
  return operation.security.some((way) => "poller" in way);
}

/** Calls each route with ids of the owner's organisation: `METHOD /path status`. */
async function answersOf(client: ApiClient, some: readonly Route[]): Promise<string[]> {
  const answers: string[] = [];
  for (const route of some) {
    const [, id = job.id] = Object.entries(ids).find(([path]) => route.path.startsWith(path)) ?? [];
    answers.push(`${nameOf(route)} ${(await call(client, route, id)).status}`);
  }
  return answers;
}

function call(client: ApiClient, route: Route, id: string): Promise<Answer<unknown>> {
  const url = route.path.replaceAll(/\{\w+\}/g, id);
  const body = bodies[nameOf(route)];
  const stale = { "if-match": '"99"' }; // Whose job it is comes before its version.
  switch (route.method) {
    case "GET":
      return client.get(`${url}${queries[route.path]?.(id) ?? ""}`);
    case "DELETE":
      return client.delete(url, stale);
    case "PATCH":
      return client.patch(url, body, stale);
    case "PUT":
      return client.put(url, body);
    default:
      return client.post(url, body);
  }
}
