import { loadConfig } from "../../config/config.js";
import { createLogger } from "../../platform/log.js";
import { migrate } from "../../platform/migrate.js";
import { requireDatabaseUrl } from "./serve.js";

/** `nightbell migrate`. */
export async function migrateCommand(environment: NodeJS.ProcessEnv): Promise<void> {
  const config = loadConfig(environment);
  const applied = await migrate(requireDatabaseUrl(config), {
    log: createLogger(config.LOG_LEVEL, "migrate", config.LOG_FORMAT),
  });
  console.log(applied.length === 0 ? "The database is up to date." : `Applied ${applied.join(", ")}.`);
}
