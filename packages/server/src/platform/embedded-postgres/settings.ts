// The settings of the server, scaled to the memory of the machine.
import { totalmem } from "node:os";

const MIB = 2 ** 20;
const LARGEST_SHARED_BUFFERS = 1024 * MIB;
const SMALLEST_SHARED_BUFFERS = 32 * MIB;

export type Settings = Readonly<Record<string, string>>;

/** Processes with a pool of DATABASE_POOL_SIZE: the API's and the poller's. */
const POOLS = 2;
/** The scheduler's and the worker's, those that listen, a person with psql or pg_dump, and what Postgres keeps for superusers. */
const OTHER_CONNECTIONS = 60;
const FEWEST_CONNECTIONS = 200;

/** The setting of that name, such that every pool can fill. */
export function maxConnections(poolSize: number): string {
  return String(Math.max(FEWEST_CONNECTIONS, POOLS * poolSize + OTHER_CONNECTIONS));
}

export function serverSettings(port: number): Settings {
  return {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    max_connections: String(FEWEST_CONNECTIONS),
    shared_buffers: `${Math.floor(sharedBuffersBytes(memoryBytes()) / MIB)}MB`,
    synchronous_commit: "on",
    // How much WAL there is since the last checkpoint but one decides how long a restart after a crash takes: 100 MB are
    // replayed in a second, and 10,000 samples/s write 2.4 MB. Samples only ever extend their table and its index, so that
    // checkpoints twice as often write hardly anything twice.
    max_wal_size: "2GB",
    checkpoint_timeout: "2min",
    // pglz costs most of a core at 10,000 samples/s, and lz4 is not compiled in.
    wal_compression: "off",
    // Ten thousand jobs that were just imported are planned for as none until the first look at them.
    autovacuum_naptime: "10s",
    timezone: "UTC",
    log_timezone: "UTC",
    // The file holds the server's own life. Failed statements are reported to their callers, who log them.
    log_min_messages: "log",
    log_checkpoints: "off",
  };
}

/** An eighth of the memory this process may use, within bounds. */
export function sharedBuffersBytes(availableBytes: number): number {
  return Math.min(LARGEST_SHARED_BUFFERS, Math.max(SMALLEST_SHARED_BUFFERS, availableBytes / 8));
}

function memoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
