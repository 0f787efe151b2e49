import { expect, test } from "vitest";
import { ConfigError, loadConfig } from "./config.js";

const url = (parameters: string) => `postgresql://user@localhost/nightbell?${parameters}`;

test.each([
  ["the defaults", {}, 40, 30_000],
  ["a size that is set", { DATABASE_POOL_SIZE: "55" }, 55, 30_000],
  ["a bound that is set", { DB_MAX_CONNECTIONS: "7" }, 7, 30_000],
  ["the smaller of both", { DATABASE_POOL_SIZE: "50", DB_MAX_CONNECTIONS: "45" }, 45, 30_000],
  ["the URL", { DATABASE_URL: url("connection_limit=5&pool_timeout=3") }, 5, 3_000],
  ["more in the URL than by default", { DATABASE_URL: url("connection_limit=70") }, 70, 30_000],
  [
    "what is set over the URL",
    {
      DATABASE_URL: url("connection_limit=5&pool_timeout=3"),
      DATABASE_POOL_SIZE: "50",
      DB_CONNECTION_TIMEOUT: "800",
    },
    50,
    800,
  ],
  [
    "the URL over empty variables",
    { DATABASE_URL: url("connection_limit=5"), DATABASE_POOL_SIZE: "" },
    5,
    30_000,
  ],
])("a pool is as large and as patient as %s says", (_name, environment, size, timeoutMs) => {
  expect(loadConfig(environment)).toMatchObject({
    DATABASE_POOL_SIZE: size,
    DB_CONNECTION_TIMEOUT: timeoutMs,
    DB_IDLE_TIMEOUT: 600_000,
  });
});

test.each(["connection_limit=0", "connection_limit=many", "pool_timeout=1.5"])(
  "a URL with %s stops the start",
  (parameter) => {
    const [name] = parameter.split("=");
    expect(() => loadConfig({ DATABASE_URL: url(parameter) })).toThrow(
      new ConfigError(`DATABASE_URL: its ${name} must be a whole number from 1 to 9999`),
    );
  },
);
