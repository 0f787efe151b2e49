// Alerts on the live stream: whose they are, and what a client that was away gets.
import { randomUUID } from "node:crypto";
import type { StreamEvent } from "@nightbell/contract";
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../../../test/harness.js";
import { addOrganisation, createWorld, type World } from "../../../test/samples.js";
import { openSse, type SseStream } from "../../../test/sse-client.js";
import type { Authenticate } from "../../platform/http/access.js";
import { type App, buildApp, portOf } from "../../platform/http/app.js";
import { createLogger } from "../../platform/log.js";
import { raiseSelfAlert, resolveSelfAlert } from "../alerts/index.js";
import { streamRoutes } from "./routes.js";

const log = createLogger("silent", "test");

let world: World;
let apps: App[];
beforeAll(async () => {
  world = await createWorld();
  apps = [await startInstance(), await startInstance()];
});
afterAll(async () => {
  for (const app of apps) await app.close();
  await world[Symbol.asyncDispose]();
});

/** A bearer token is the id of the organisation it acts in. */
const authenticate: Authenticate = async (organisationId) => ({
  userId: randomUUID(),
  organisationId,
  role: "viewer",
  isTestAccount: false,
});

async function startInstance(): Promise<App> {
  const { database } = world;
  const app = await buildApp({
    config: { RATE_LIMIT_PER_SECOND: 1_000, TRUST_PROXY: false },
    log,
    authenticate,
  });
  const config = { SSE_MAX_CONNECTIONS: 100 };
  await streamRoutes(app, { database, config, log, registry: new Registry(), authenticate });
  await app.listen({ host: "127.0.0.1", port: 0 });
  return app;
}

function watch(organisationId: string, instance = 0, lastEventId?: string): Promise<SseStream<StreamEvent>> {
  const app = apps[instance];
  if (app === undefined) throw new Error(`no instance ${instance}`);
  return openSse(`http://127.0.0.1:${portOf(app)}/api/stream?topics=alerts`, {
    token: organisationId,
    ...(lastEventId === undefined ? {} : { lastEventId }),
  });
}

async function raise(organisationId: string | null, title: string): Promise<void> {
  const alert = { key: title, title, severity: "warning", startedAt: Date.now() } as const;
  await raiseSelfAlert(world.database.db, { ...alert, organisationId }, Date.now());
}

const heard = (stream: SseStream<StreamEvent>) =>
  stream.events.flatMap(({ data }) =>
    data.type === "alert" ? [`${data.event.kind} ${data.alert.title} ${data.alert.status}`] : [],
  );

const about = (stream: SseStream<StreamEvent>) =>
  heard(stream).map((line) => line.split(" ").slice(0, 2).join(" "));

test("an organisation hears of its own alerts and of those about this installation, each once", async () => {
  const [mine, theirs] = [await addOrganisation(world.database), await addOrganisation(world.database)];
  await using own = await watch(mine);
  await using other = await watch(theirs);
  await raise(mine, "mine");
  await raise(theirs, "theirs");
  await raise(null, "ours");
  await resolveSelfAlert(world.database.db, "ours", Date.now());
  await eventually(() => expect(heard(own)).toContain("resolved ours resolved"));
  await eventually(() => expect(heard(other)).toContain("resolved ours resolved"));
  expect(about(own)).toEqual(["opened mine", "opened ours", "resolved ours"]);
  expect(about(other)).toEqual(["opened theirs", "opened ours", "resolved ours"]);
});

test("a client that comes back gets what it missed, from the same instance or from another", async () => {
  const organisationId = await addOrganisation(world.database);
  let lastEventId: string;
  {
    await using stream = await watch(organisationId);
    await raise(organisationId, "first");
    await eventually(() => expect(heard(stream)).toContain("opened first open"));
    lastEventId = stream.events.at(-1)?.id ?? "";
  }
  await raise(organisationId, "second");
  for (const instance of [0, 1]) {
    await using stream = await watch(organisationId, instance, lastEventId);
    await eventually(() => expect(heard(stream)).toContain("opened second open"));
  }
});
