// The API in the test's own process over a database of its own: quick to build, and its clock and settings can be chosen.
import type { Config } from "../src/config/config.js";
import { loadConfig } from "../src/config/config.js";
import { accountRoutes, Sessions } from "../src/features/accounts/index.js";
import { heartbeatRoutes } from "../src/features/heartbeats/index.js";
import { alertRoutes } from "../src/features/alerts/index.js";
import { jobRoutes, type JobRouteOptions } from "../src/features/jobs/index.js";
import { pollerRoutes } from "../src/features/pollers/index.js";
import { type Clock, systemClock } from "../src/platform/clock.js";
import { type DatabaseHandle, type Db, openDatabase } from "../src/platform/db.js";
import { type App, buildApp, portOf } from "../src/platform/http/app.js";
import { createLogger } from "../src/platform/log.js";
import { type ApiClient, apiClient, createDatabase } from "./harness.js";

export interface ApiWorld extends AsyncDisposable {
  readonly app: App;
  readonly db: Db;
  readonly database: DatabaseHandle;
  readonly url: string;
  /** A client that is not logged in. */
  anonymous(): ApiClient;
  /** A client of a fresh account, the owner of its own organisation. */
  owner(): Promise<ApiClient>;
}

export interface WorldOptions {
  readonly config?: Partial<Config>;
  readonly clock?: Clock;
  readonly probe?: JobRouteOptions["probe"];
}

export async function apiWorld(options: WorldOptions = {}): Promise<ApiWorld> {
  const database = await createDatabase();
  const handle = openDatabase(database.url, { poolSize: 10, applicationName: "api-world" });
  const { db } = handle;
  const clock = options.clock ?? systemClock;
  const config: Config = {
    ...loadConfig({
      NODE_ENV: "test",
      OPEN_REGISTRATION: "true",
      REGISTRATIONS_PER_HOUR: "100000",
      RATE_LIMIT_PER_SECOND: "100000",
    }),
    ...options.config,
  };
  const sessions = new Sessions(db, clock, createLogger("warn", "test"));
  const app = await buildApp({
    config,
    log: createLogger("warn", "test"),
    authenticate: sessions.authenticate,
    clock,
    webRoot: "/nonexistent",
  });
  await accountRoutes(app, { db, clock, sessions, config });
  await alertRoutes(app, { database: handle, clock });
  await jobRoutes(app, { db, clock, config, probe: options.probe ?? neverProbed });
  await heartbeatRoutes(app, { db });
  await pollerRoutes(app, { db });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const url = `http://127.0.0.1:${portOf(app)}`;
  return {
    app,
    db,
    database: handle,
    url,
    anonymous: () => apiClient(url),
    async owner() {
      const client = apiClient(url);
      await client.register();
      return client;
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await handle.close();
      await database.drop();
    },
  };
}

async function neverProbed(): Promise<never> {
  throw new Error("this test did not expect a probe");
}
