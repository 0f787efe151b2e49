// `nightbell poller`: measures for a server elsewhere, without access to its database.
import { loadConfig } from "../../config/config.js";
import { startHealthServer } from "../../features/monitoring/index.js";
import { type RemoteArguments, remoteSettings } from "../../features/remote-pollers/index.js";
import { createLogger } from "../../platform/log.js";
import { startPollerProcess } from "../poller-process.js";
import { assertPortFree, displayUrl } from "../port.js";
import { listenForStop } from "../stop-signals.js";

export interface PollerArguments extends RemoteArguments {
  readonly name?: string | undefined;
}

/** Returns the exit code after a clean shutdown. Throws when the server refuses the token. */
export async function poller(options: PollerArguments, environment: NodeJS.ProcessEnv): Promise<number> {
  const settings = remoteSettings(options, environment);
  const childEnvironment: NodeJS.ProcessEnv = {
    ...environment,
    ...(options.name !== undefined && { POLLER_NAME: options.name }),
    NIGHTBELL_URL: settings.url.href,
    NIGHTBELL_POLLER_TOKEN: settings.token,
    ...(options.ca !== undefined && { NIGHTBELL_CA_FILE: options.ca }),
  };
  delete childEnvironment["DATABASE_URL"];
  const config = loadConfig(childEnvironment);
  const log = createLogger(config.LOG_LEVEL, "poller", config.LOG_FORMAT);
  await assertPortFree(config.HOST, config.HEALTH_PORT, "HEALTH_PORT");

  const child = startPollerProcess(childEnvironment, log, "remote");
  const health = await startHealthServer({
    host: config.HOST,
    port: config.HEALTH_PORT,
    notReady: () =>
      child.trouble() ?? (child.isReady() ? null : "the poller is starting, or waits for its server"),
    role: "supervisor",
    metrics: () => child.metrics(),
  });
  const stop = listenForStop({
    log,
    deadlineMs: config.DRAIN_TIMEOUT_MS,
    killAtOnce: () => child.kill(),
  });
  console.log(`Nightbell (remote poller) answers at ${displayUrl(config.HOST, health.port)}`);
  const isRefused = await Promise.race([stop.requested.then(() => false), child.refused.then(() => true)]);
  if (!isRefused) await child.stop(config.DRAIN_TIMEOUT_MS);
  await health.stop(0);
  if (isRefused) {
    throw new Error(
      `${settings.url.origin} refuses the token, which is wrong or was revoked; what it has not taken stays in the spool`,
    );
  }
  stop.logStopped();
  return 0;
}
