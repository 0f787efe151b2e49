// Environment → typed, frozen configuration. A wrong value stops the boot with the variable's name.
import { availableParallelism } from "node:os";
import { z } from "zod";
import { resolvePool } from "./pool.js";
import { referenceTargets } from "./references.js";

const port = z.coerce.number().int().min(0).max(65_535);
const positive = z.coerce.number().int().min(1);
const flag = z.enum(["true", "false"]).transform((text) => text === "true");

/** A name, if any, and an address; without line ends, which would end the header. */
const MAIL_FROM_PATTERN = /^(?:[^<>\p{Cc}]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/u;

/** Each variable with its default; `docs/reference/configuration.md` is generated from the descriptions. */
export const environmentSchema = z.object({
  NODE_ENV: z
    .enum(["development", "test", "production"])
    .default("development")
    .describe("production forbids simulated jobs, except for test accounts"),
  HOST: z.string().default("127.0.0.1").describe("address the API listens on"),
  PORT: port.default(3000).describe("port of the whole program; 0 takes a free one"),
  HEALTH_PORT: port
    .default(0)
    .describe("port of /health, /ready and /metrics of a role without the API; 0 takes a free one"),
  NIGHTBELL_DATA_DIR: z
    .string()
    .optional()
    .describe("folder of the embedded database and the spool; default .nightbell"),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe(
      "a Postgres to use instead of the embedded one; takes connection_limit and pool_timeout (in seconds)",
    ),
  DATABASE_POOL_SIZE: positive
    .max(1_000)
    .default(40)
    .describe("connections of the API, and of a poller; the scheduler and the worker take up to 10 each"),
  DB_MAX_CONNECTIONS: positive
    .max(1_000)
    .default(60)
    .describe("bound of DATABASE_POOL_SIZE: the smaller of the two holds, of what is set"),
  DB_CONNECTION_TIMEOUT: positive
    .default(30_000)
    .describe("longest wait for a connection in milliseconds; requests and pollers wait at most 5000"),
  DB_IDLE_TIMEOUT: positive
    .default(600_000)
    .describe("milliseconds after which a connection that nobody uses is closed"),
  LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
    .default("info")
    .describe("least severe level that is logged"),
  LOG_FORMAT: z
    .enum(["json", "pretty"])
    .optional()
    .describe("log lines for machines or for people; unset, pretty on a terminal and json elsewhere"),
  OPEN_REGISTRATION: flag.default(false).describe("true lets anybody register after the first account"),
  REGISTRATIONS_PER_HOUR: positive.default(10).describe("accounts an hour that one address may register"),
  SESSION_DAYS: positive.max(365).default(30).describe("days until a session ends"),
  POLL_INTERVAL_MS: positive.default(5_000).describe("time between full reconciliations of a poller's jobs"),
  BATCH_FLUSH_INTERVAL_MS: positive.default(2_000).describe("longest time a sample waits for its batch"),
  BATCH_SIZE: positive
    .max(50_000)
    .default(100)
    .describe(
      "samples that start a write; larger batches form by themselves, since a write starts every 50 ms at most",
    ),
  SPOOL_MAX_MB: z.coerce
    .number()
    .int()
    .min(16)
    .max(1_048_576)
    .default(1_024)
    .describe(
      "megabytes that a poller keeps on disk while its database or server is away, then the oldest leave; the default is twelve million samples",
    ),
  RAW_RETENTION_HOURS: z.coerce
    .number()
    .int()
    .min(0)
    .max(8_760)
    .default(24)
    .describe("hours after which the samples of an hour are packed into chunks"),
  CHUNK_RETENTION_DAYS: positive
    .max(36_500)
    .default(400)
    .describe("days for which every sample is kept; then its chunk is dropped"),
  ROLLUP_5M_RETENTION_DAYS: positive
    .max(36_500)
    .default(30)
    .describe("days for which rollups of 5 minutes are kept"),
  ROLLUP_1H_RETENTION_DAYS: positive
    .max(36_500)
    .default(800)
    .describe("days for which rollups of an hour are kept"),
  ROLLUP_1D_RETENTION_DAYS: positive
    .max(36_500)
    .default(3_650)
    .describe("days for which rollups of a day are kept"),
  ALERT_RETENTION_DAYS: positive
    .max(36_500)
    .default(800)
    .describe("days for which alerts and their timelines are kept once they are resolved"),
  CONCURRENCY: positive
    .max(100_000)
    .optional()
    .describe("connection-type probes under way at once; unset it starts at 50 and adapts upwards"),
  REPLICA_COUNT: positive
    .default(1)
    .describe(
      "above 1, splits a location's jobs among this many pollers for good; 1 lets pollers share them live",
    ),
  REPLICA_ID: z
    .string()
    .regex(/^(?:[A-Za-z0-9].*-)?\d+$/, "must be a whole number from 0, or a pod name that ends in one")
    .transform((text) => Number(/\d+$/.exec(text)?.[0]))
    .prefault("0")
    .describe("this poller's number, from 0; a pod name that ends in an ordinal is accepted"),
  POLLER_LOCATION: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,49}$/)
    .default("default")
    .describe("where this poller measures from"),
  POLLER_NAME: z
    .string()
    .regex(/^[\w.-]{1,100}$/, "must be letters, digits, dots, dashes and underscores")
    .optional()
    .describe("what people know this poller by; default the host's name"),
  REFERENCE_TARGETS: referenceTargets
    .optional()
    .describe(
      "addresses by which a poller knows whether it is online itself, at most 8: 10.0.0.1, tcp://10.0.0.2:53; unset, every miss counts",
    ),
  LATENCY_API_URL: z
    .url({ protocol: /^https?$/ })
    .default("http://127.0.0.1:4402")
    .describe("service that executes latency_api probes"),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("where people reach the web app, for links in emails; unset leaves them out"),
  SMTP_URL: z
    .url({ protocol: /^smtps?$/, hostname: /./ })
    .optional()
    .describe(
      "the mail server: smtp://user:password@host:587 (STARTTLS) or smtps://…:465; unset, emails are recorded as not sent",
    ),
  MAIL_FROM: z
    .string()
    .regex(MAIL_FROM_PATTERN, "must be an address, or Nightbell <nightbell@example.org>")
    .optional()
    .describe("sender of emails, required with SMTP_URL"),
  DRAIN_TIMEOUT_MS: positive.default(10_000).describe("deadline of a clean shutdown"),
  JOB_METRICS_LIMIT: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000)
    .default(1_000)
    .describe(
      "running jobs of an organisation that /metrics shows to its token, the oldest first; 0 shows none",
    ),
  SSE_MAX_CONNECTIONS: positive.default(10_000).describe("live connections per instance"),
  RATE_LIMIT_PER_SECOND: positive.default(100).describe("requests a second from one address"),
  TRUST_PROXY: flag
    .default(false)
    .describe("true takes the client's address from the last entry of X-Forwarded-For, which the proxy adds"),
});

export type Config = Readonly<z.infer<typeof environmentSchema>> & { readonly cpuCount: number };

/** Thrown when the environment is not valid; the message names each variable and its reason. */
export class ConfigError extends Error {}

/** Reads the configuration; empty variables count as unset. Throws ConfigError. */
export function loadConfig(environment: NodeJS.ProcessEnv): Config {
  const set = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const result = environmentSchema.safeParse(set);
  if (!result.success) {
    throw new ConfigError(
      result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "),
    );
  }
  const config = resolved(result.data, new Set(Object.keys(set)));
  if (config.REPLICA_ID >= config.REPLICA_COUNT) {
    throw new ConfigError(
      `REPLICA_ID: ${config.REPLICA_ID} must be below REPLICA_COUNT (${config.REPLICA_COUNT}); ids start at 0`,
    );
  }
  for (const name of [
    "ROLLUP_5M_RETENTION_DAYS",
    "ROLLUP_1H_RETENTION_DAYS",
    "ROLLUP_1D_RETENTION_DAYS",
  ] as const) {
    // Rollups of raw hours are built again and again, so none may be dropped.
    if (config[name] * 24 < config.RAW_RETENTION_HOURS) {
      throw new ConfigError(
        `${name}: ${config[name]} days are less than RAW_RETENTION_HOURS (${config.RAW_RETENTION_HOURS} hours)`,
      );
    }
  }
  if (config.SMTP_URL !== undefined && config.MAIL_FROM === undefined) {
    throw new ConfigError("MAIL_FROM: is required with SMTP_URL, as in Nightbell <nightbell@example.org>");
  }
  return Object.freeze({ ...config, cpuCount: availableParallelism() });
}

function resolved(
  config: z.infer<typeof environmentSchema>,
  explicit: ReadonlySet<string>,
): z.infer<typeof environmentSchema> {
  try {
    return resolvePool(config, explicit);
  } catch (error) {
    throw error instanceof RangeError ? new ConfigError(`DATABASE_URL: ${error.message}`) : error;
  }
}
