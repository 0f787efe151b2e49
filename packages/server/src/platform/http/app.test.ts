import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { InjectOptions } from "fastify";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { HandClock } from "../../../test/hand-clock.js";
import { NightbellError } from "../errors.js";
import { createLogger } from "../log.js";
import type { Account } from "./access.js";
import { type App, type AppOptions, buildApp, portOf } from "./app.js";

const account: Account = {
  userId: "0190a0a0-0000-7000-8000-000000000001",
  organisationId: "0190a0a0-0000-7000-8000-000000000002",
  role: "responder",
  isTestAccount: false,
};
const bearer = { authorization: "Bearer good" };
const json = { "content-type": "application/json" };

let app: App;
afterEach(() => app.close());

async function build(
  options: Partial<AppOptions> & { perSecond?: number; trustProxy?: boolean } = {},
): Promise<App> {
  app = await buildApp({
    config: {
      RATE_LIMIT_PER_SECOND: options.perSecond ?? 10_000,
      TRUST_PROXY: options.trustProxy ?? false,
    },
    log: createLogger("silent", "test"),
    authenticate: async (token) => (token === "good" ? account : null),
    webRoot: "/nonexistent",
    ...options,
  });
  app.get(
    "/api/mine",
    { schema: { response: { 200: z.object({ userId: z.string() }) } } },
    async (request) => ({
      userId: request.account.userId,
      secret: "not in the schema",
    }),
  );
  app.get("/api/open", { config: { access: "public" } }, async () => ({ ok: true }));
  app.get("/api/owners", { config: { access: "owner" } }, async () => ({ ok: true }));
  app.get("/api/large", { config: { access: "public" } }, async () => ({ text: "nightbell ".repeat(1_000) }));
  app.get("/api/stream", { config: { isUncounted: true } }, async () => ({ ok: true }));
  app.get("/health", { config: { access: "public", isUncounted: true } }, async () => ({ ok: true }));
  app.get("/api/broken", { config: { access: "public" } }, async () => {
    throw new Error("password=hunter2 at /root/secret");
  });
  app.get("/api/gone", { config: { access: "public" } }, async () => {
    throw Object.assign(new Error("terminating connection"), { code: "57P01" });
  });
  app.get(
    "/api/things/:id",
    { config: { access: "public" }, schema: { params: z.object({ id: z.uuid() }) } },
    async () => ({
      ok: true,
    }),
  );
  app.post(
    "/api/things",
    {
      config: { access: "public" },
      schema: {
        body: z.strictObject({
          name: z.string().min(1),
          size: z.number().int().max(10),
          kind: z.enum(["a", "b"]),
          tags: z.array(z.string()).max(2).default([]),
          extra: z.unknown().optional(),
        }),
      },
    },
    async (_request, reply) => reply.code(201).send({ ok: true }),
  );
  app.post("/api/act", async () => ({ ok: true }));
  return app;
}

const post = (payload: string, headers: Record<string, string> = json): InjectOptions => ({
  method: "POST",
  url: "/api/things",
  payload,
  headers,
});

async function errorsOf(body: unknown): Promise<unknown> {
  return (await app.inject(post(JSON.stringify(body)))).json().errors;
}

/** A folder such as a build of the web app leaves behind. */
async function builtWebApp(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "nightbell-web-"));
  await mkdir(join(root, "assets"));
  await writeFile(join(root, "index.html"), "<!doctype html><title>Nightbell</title>");
  await writeFile(join(root, "assets", "app-1a2b3c.js"), "export {};");
  return root;
}

describe("access to a route", () => {
  it("needs a valid session unless the route says otherwise", async () => {
    await build();
    expect((await app.inject("/api/mine")).statusCode).toBe(401);
    expect(
      (await app.inject({ url: "/api/mine", headers: { authorization: "Bearer bad" } })).statusCode,
    ).toBe(401);
    expect(
      (await app.inject({ url: "/api/mine", headers: { authorization: "Basic good" } })).statusCode,
    ).toBe(401);
    expect((await app.inject({ url: "/api/mine", headers: bearer })).json()).toEqual({
      userId: account.userId,
    });
    expect((await app.inject({ url: "/api/mine", cookies: { nightbell_session: "good" } })).statusCode).toBe(
      200,
    );
    expect((await app.inject("/api/open")).statusCode).toBe(200);
  });

  it("follows the order of roles", async () => {
    await build();
    const refused = await app.inject({ url: "/api/owners", headers: bearer });
    expect(refused.statusCode).toBe(403);
    expect(refused.json()).toMatchObject({
      code: "forbidden",
      detail: "This needs the role owner; yours is responder.",
    });
    expect((await app.inject({ url: "/api/mine", headers: bearer })).statusCode).toBe(200);
  });

  it.each([
    [{ "sec-fetch-site": "same-origin" }, 200],
    [{ "sec-fetch-site": "none" }, 200],
    [{ "sec-fetch-site": "cross-site" }, 403],
    [{ "sec-fetch-site": "same-site", origin: "http://other.localhost" }, 403],
    [{ origin: "http://localhost:80" }, 200],
    [{ origin: "https://evil.example" }, 403],
    [{ origin: "null" }, 403],
    [{}, 200],
    [{ origin: "https://evil.example", ...bearer }, 200],
  ])("with a cookie changes something only for this site: %j → %i", async (headers, status) => {
    await build();
    const answer = await app.inject({
      method: "POST",
      url: "/api/act",
      headers: { host: "localhost", ...headers },
      cookies: { nightbell_session: "good" },
    });
    expect(answer.statusCode).toBe(status);
  });
});

describe("an error", () => {
  it.each([
    ["a route that does not exist", { url: "/api/nothing?secret=1" }, 404, "not_found"],
    ["a method that does not exist", { method: "DELETE", url: "/api/open" }, 405, "method_not_allowed"],
    ["an id that is none", { url: "/api/things/7" }, 404, "not_found"],
    ["broken JSON", post('{"name":'), 400, "malformed_request"],
    ["a poisoned prototype", post('{"__proto__":{"x":1}}'), 400, "malformed_request"],
    ["another media type", post("name=x", { "content-type": "text/plain" }), 415, "unsupported_media_type"],
    ["a compressed body", post("{}", { ...json, "content-encoding": "gzip" }), 415, "unsupported_media_type"],
    ["a huge body", post(JSON.stringify({ name: "x".repeat(2_000_000) })), 413, "payload_too_large"],
    ["an address that cannot be decoded", { url: "/api/things/%zz" }, 400, "malformed_request"],
    ["a fault of ours", { url: "/api/broken" }, 500, "internal"],
    ["a database that is away", { url: "/api/gone" }, 503, "database_unavailable"],
  ] as [string, InjectOptions, number, string][])(
    "is a problem document: %s",
    async (_name, call, status, code) => {
      await build();
      const answer = await app.inject(call);
      expect(answer.statusCode).toBe(status);
      expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
      const problem = answer.json<Record<string, unknown>>();
      expect(problem).toMatchObject({ code, status, type: `urn:nightbell:error:${code}` });
      expect(problem["requestId"]).toBe(answer.headers["x-request-id"]);
      expect(answer.body).not.toMatch(/hunter2|secret|node_modules|terminating/);
    },
  );

  it("names the methods that exist", async () => {
    await build();
    expect((await app.inject({ method: "PUT", url: "/api/things" })).headers["allow"]).toBe("POST");
  });

  it("names each field that is wrong, and why", async () => {
    await build();
    expect(await errorsOf({ name: "", size: 11, kind: "c", tags: ["a", 1], more: true })).toEqual([
      { path: "name", message: "must not be empty" },
      { path: "size", message: "must be at most 10" },
      { path: "kind", message: "must be one of a, b" },
      { path: "tags.1", message: "must be a string" },
      { path: "more", message: "is not a known field" },
    ]);
    expect(await errorsOf({ name: "a", size: 1.5 })).toEqual([
      { path: "size", message: "must be a whole number" },
      { path: "kind", message: "is required" },
    ]);
    expect(await errorsOf([])).toEqual([{ path: "", message: "must be an object" }]);
    expect(await errorsOf({ name: "a\0b" })).toEqual([
      { path: "name", message: "must not contain the NUL character" },
    ]);
    expect(await errorsOf({ extra: { deep: "\ud800" } })).toEqual([
      { path: "extra.deep", message: "must be well-formed Unicode" },
    ]);
  });

  it("survives nesting without end", async () => {
    await build();
    const depth = 200_000;
    const answer = await app.inject(post(`{"extra":${"[".repeat(depth)}${"]".repeat(depth)}}`));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().errors[0].message).toBe("is nested too deeply");
  });

  it("answers nonsense briefly, however much of it there is", async () => {
    await build();
    const fields = Array.from({ length: 5_000 }, (_, index) => `"${index}": 1`).join();
    const { errors, detail } = (await app.inject(post(`{${fields}}`))).json();
    expect(errors).toHaveLength(100);
    expect(detail).toMatch(/and many more/);
  });

  it("makes nothing of a body of more values than any has, however few its bytes", async () => {
    await build();
    for (const value of ["{},", "[],", "1,", '"a",']) {
      const answer = await app.inject(post(`{"name":"a","extra":[${value.repeat(100_000)}0]}`));
      expect(answer.json().errors).toEqual([{ path: "", message: "must have at most 100000 values" }]);
    }
    const text = `\\"${",[{".repeat(100_000)}`;
    const accepted = await app.inject(
      post(JSON.stringify({ name: "a", size: 1, kind: "a", extra: [text, text] })),
    );
    expect(accepted.statusCode).toBe(201);
  });

  it("answers bytes that are not HTTP", async () => {
    await build();
    await app.listen({ port: 0, host: "127.0.0.1" });
    const socket = connect(portOf(app), "127.0.0.1");
    socket.end("\x16\x03\x01 hello\r\n\r\n");
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"malformed_request"/);
  });
});

describe("the rate limit", () => {
  it("counts by address, says what is left, and never counts streams", async () => {
    await build({ perSecond: 3 });
    const statuses = [];
    for (let call = 0; call < 4; call += 1) statuses.push((await app.inject("/api/open")).statusCode);
    expect(statuses).toEqual([200, 200, 200, 429]);
    const refused = await app.inject("/api/open");
    expect(refused.headers).toMatchObject({
      "ratelimit-limit": "3",
      "ratelimit-remaining": "0",
      "retry-after": "1",
    });
    expect(refused.json()).toMatchObject({ code: "rate_limited" });
    expect((await app.inject({ url: "/api/open", remoteAddress: "192.0.2.7" })).statusCode).toBe(200);
    const stream = { url: "/api/stream", headers: bearer };
    for (let call = 0; call < 10; call += 1) expect((await app.inject(stream)).statusCode).toBe(200);
  });

  it("counts streams that are refused, before it asks who opens them", async () => {
    let asked = 0;
    const authenticate = async (token: string) => {
      asked += 1;
      return token === "good" ? account : null;
    };
    await build({ perSecond: 3, authenticate, clock: new HandClock() });
    const statusOf = async (token: string, remoteAddress = "192.0.2.1") => {
      const headers = { authorization: `Bearer ${token}` };
      return (await app.inject({ url: "/api/stream", headers, remoteAddress })).statusCode;
    };
    const statuses = [];
    for (let call = 0; call < 5; call += 1) statuses.push(await statusOf(`guess${call}`));
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect(await statusOf("good")).toBe(429);
    expect(asked).toBe(3);
    expect(await statusOf("good", "192.0.2.2")).toBe(200);
    expect((await app.inject({ url: "/health", remoteAddress: "192.0.2.1" })).statusCode).toBe(200);
  });

  it("believes of X-Forwarded-For what the proxy added, and without a proxy nothing", async () => {
    const claims = ["198.51.100.1, 192.0.2.1", "198.51.100.2, 192.0.2.1", "192.0.2.1", "192.0.2.2"];
    const statuses = async () => {
      const answers = [];
      for (const claim of claims) {
        answers.push(await app.inject({ url: "/api/open", headers: { "x-forwarded-for": claim } }));
      }
      return answers.map((answer) => answer.statusCode);
    };
    await build({ perSecond: 1, trustProxy: true });
    expect(await statuses()).toEqual([200, 429, 429, 200]);
    await app.close();
    await build({ perSecond: 1 });
    expect(await statuses()).toEqual([200, 429, 429, 429]);
  });

  it("takes an IPv6 network for one address", async () => {
    await build({ perSecond: 1 });
    expect((await app.inject({ url: "/api/open", remoteAddress: "2001:db8::1" })).statusCode).toBe(200);
    expect((await app.inject({ url: "/api/open", remoteAddress: "2001:db8::2" })).statusCode).toBe(429);
    expect((await app.inject({ url: "/api/open", remoteAddress: "2001:db8:0:1::1" })).statusCode).toBe(200);
    expect((await app.inject({ url: "/api/open", remoteAddress: "::ffff:192.0.2.1" })).statusCode).toBe(200);
    expect((await app.inject({ url: "/api/open", remoteAddress: "192.0.2.1" })).statusCode).toBe(429);
  });
});

describe("every answer", () => {
  it("carries a policy that runs no inline script", async () => {
    await build();
    const { headers } = await app.inject("/api/open");
    expect(headers["content-security-policy"]).toContain("default-src 'self'");
    expect(headers["content-security-policy"]).not.toMatch(
      /script-src|unsafe-eval|default-src[^;]*unsafe-inline/,
    );
    expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "x-frame-options": "DENY" });
  });

  it("of the API is kept by no cache", async () => {
    await build();
    for (const url of ["/api/open", "/api/mine", "/api/broken", "/api/nothing"])
      expect((await app.inject(url)).headers["cache-control"]).toBe("no-store");
  });

  it("is compressed when it is large and the client can read it", async () => {
    await build();
    const packed = await app.inject({ url: "/api/large", headers: { "accept-encoding": "gzip" } });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(packed.rawPayload).toString()).toContain("nightbell nightbell");
    expect((await app.inject("/api/large")).headers["content-encoding"]).toBeUndefined();
  });
});

describe("the web app", () => {
  const navigation = { accept: "text/html,application/xhtml+xml" };

  it("is served with its pages, and never in place of the API", async () => {
    const webRoot = await builtWebApp();
    await build({ webRoot });
    for (const url of ["/", "/jobs/1", "/login?next=%2F"]) {
      const page = await app.inject({ url, headers: navigation });
      expect(page.statusCode).toBe(200);
      expect(page.headers).toMatchObject({
        "cache-control": "no-cache",
        "content-type": "text/html; charset=utf-8",
      });
    }
    const asset = await app.inject("/assets/app-1a2b3c.js");
    expect(asset.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect((await app.inject({ url: "/assets/app-old.js", headers: { accept: "*/*" } })).statusCode).toBe(
      404,
    );
    for (const url of ["/api/nothing", "/api", "/v2/nothing"]) {
      const missing = await app.inject({ url, headers: navigation });
      expect(missing.json()).toMatchObject({ code: "not_found" });
    }
    for (const url of ["/../package.json", "/..%2f..%2fetc%2fpasswd", "/assets/%2e%2e/%2e%2e/x", "/.env"]) {
      const answer = await app.inject({ url, headers: { accept: "*/*" } });
      expect(answer.statusCode).toBeGreaterThanOrEqual(400);
      expect(answer.statusCode).toBeLessThan(500);
    }
    await rm(webRoot, { recursive: true });
  });

  it("may be missing", async () => {
    await build();
    expect((await app.inject({ url: "/", headers: navigation })).statusCode).toBe(404);
    expect((await app.inject("/api/open")).statusCode).toBe(200);
  });
});

it("a route can throw an error of the registry, with when to retry", async () => {
  await build();
  app.get("/api/busy", { config: { access: "public" } }, async () => {
    throw new NightbellError("overloaded", "Come back later.", { retryAfterSeconds: 6.5 });
  });
  const answer = await app.inject("/api/busy");
  expect(answer.statusCode).toBe(503);
  expect(answer.headers["retry-after"]).toBe("7");
});
