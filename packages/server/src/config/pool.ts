// The connection pool of a process (P1): what is set explicitly wins over DATABASE_URL's parameters, those over defaults.

interface PoolSettings {
  /** Connections. */
  readonly DATABASE_POOL_SIZE: number;
  readonly DB_MAX_CONNECTIONS: number;
  /** Milliseconds. */
  readonly DB_CONNECTION_TIMEOUT: number;
  readonly DATABASE_URL?: string | undefined;
}

const SECOND_MS = 1_000;

/**
 * The settings with what holds in the end; `explicit` names the variables that are set. Of several sizes that are set,
 * or of the defaults when none is, the smallest holds. Throws RangeError for a parameter of the URL that is no number.
 */
export function resolvePool<Settings extends PoolSettings>(
  settings: Settings,
  explicit: ReadonlySet<string>,
): Settings {
  const { DATABASE_POOL_SIZE, DB_MAX_CONNECTIONS, DB_CONNECTION_TIMEOUT, DATABASE_URL } = settings;
  const parameters = DATABASE_URL === undefined ? new URLSearchParams() : new URL(DATABASE_URL).searchParams;
  const limit = wholeNumber(parameters, "connection_limit");
  const timeoutSeconds = wholeNumber(parameters, "pool_timeout");
  const sizes = Object.entries({ DATABASE_POOL_SIZE, DB_MAX_CONNECTIONS });
  const chosen = sizes.filter(([name]) => explicit.has(name));
  const size =
    chosen.length === 0 && limit !== null
      ? limit
      : Math.min(...(chosen.length > 0 ? chosen : sizes).map(([, value]) => value));
  const isTimeoutOfUrl = timeoutSeconds !== null && !explicit.has("DB_CONNECTION_TIMEOUT");
  return {
    ...settings,
    DATABASE_POOL_SIZE: size,
    DB_CONNECTION_TIMEOUT: isTimeoutOfUrl ? timeoutSeconds * SECOND_MS : DB_CONNECTION_TIMEOUT,
  };
}

function wholeNumber(parameters: URLSearchParams, name: string): number | null {
  const text = parameters.get(name);
  if (text === null) return null;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new RangeError(`its ${name} must be a whole number from 1 to 9999`);
}
