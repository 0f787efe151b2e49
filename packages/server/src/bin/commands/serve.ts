import { type Config, ConfigError, loadConfig } from "../../config/config.js";
import { createLogger } from "../../platform/log.js";
import { migrate } from "../../platform/migrate.js";
import { assertPortFree } from "../port.js";
import type { RoleName } from "../roles/role.js";
import { startRoles } from "../run-roles.js";
import { listenForStop } from "../stop-signals.js";

/** `nightbell serve --roles …`; returns the exit code after a clean shutdown. */
export async function serve(roles: readonly RoleName[], environment: NodeJS.ProcessEnv): Promise<number> {
  const config = loadConfig(environment);
  const url = requireDatabaseUrl(config);
  const log = createLogger(config.LOG_LEVEL, roles.join("+"), config.LOG_FORMAT);
  if (roles.includes("api")) await assertPortFree(config.HOST, config.PORT, "PORT");
  else await assertPortFree(config.HOST, config.HEALTH_PORT, "HEALTH_PORT");
  await migrate(url, { log });

  const running = await startRoles(roles, { config, url, log });
  const stop = listenForStop({
    log,
    deadlineMs: config.DRAIN_TIMEOUT_MS,
    killAtOnce: () => running.kill(),
  });
  console.log(`Nightbell (${roles.join(", ")}) answers at ${running.address}`);
  await stop.requested;
  await running.stop(config.DRAIN_TIMEOUT_MS);
  stop.logStopped();
  return 0;
}

export function requireDatabaseUrl(config: Config): string {
  if (config.DATABASE_URL === undefined) {
    throw new ConfigError(
      "DATABASE_URL: is required here, as in postgresql://user:password@host:5432/nightbell; `nightbell up` runs without one",
    );
  }
  return config.DATABASE_URL;
}
