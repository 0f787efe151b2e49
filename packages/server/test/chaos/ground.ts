// What pollers of a chaos run stand on: a Postgres of their own, targets that never fail, and a link to either for each
// poller. In network namespaces, or, where these are not permitted, through proxies on loopback.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/platform/embedded-postgres/index.js";
import { createLogger } from "../../src/platform/log.js";
import { migrate } from "../../src/platform/migrate.js";
import { packageRoot } from "../../src/platform/paths.js";
import { createFolder } from "../harness.js";
import { type Proxy, startProxy } from "../proxy.js";
import { createNetwork } from "./network.js";

export interface Ground extends AsyncDisposable {
  readonly name: string;
  readonly postgres: EmbeddedPostgres;
  readonly targets: readonly Target[];
  /** A place for a poller. */
  addPlace(): Promise<Place>;
  /** No poller reaches the database, and each loses what it sends. */
  cut(): void;
  mend(): Promise<void>;
}

export interface Target {
  readonly type: "tcp" | "icmp";
  readonly target: string;
}

export interface Place extends AsyncDisposable {
  readonly databaseUrl: string;
  readonly namespace?: string;
  /** Where the poller answers health checks. */
  readonly address: string;
  /** From the database: what is sent vanishes. */
  cut(): void;
  /** From everything, as far as that can be. */
  isolate(): void;
  mend(): Promise<void>;
}

export async function namespaceGround(): Promise<Ground> {
  const network = createNetwork();
  const postgres = await startPostgres(["127.0.0.1", network.address]);
  const { namespace, address } = network.targets;
  const server = await startTarget(address, namespace);
  return {
    name: "network namespaces",
    postgres,
    targets: [
      { type: "tcp", target: `${address}:${server.port}` },
      { type: "icmp", target: address },
    ],
    async addPlace() {
      const host = network.addHost();
      const databaseUrl = new URL(postgres.url);
      databaseUrl.hostname = network.address;
      return {
        ...host,
        databaseUrl: databaseUrl.href,
        mend: async () => host.mend(),
        [Symbol.asyncDispose]: async () => host.remove(),
      };
    },
    cut: () => network.cut(),
    mend: async () => network.mend(),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await postgres.stop();
      network[Symbol.dispose]();
    },
  };
}

export async function proxyGround(): Promise<Ground> {
  const postgres = await startPostgres(["127.0.0.1"]);
  const server = await startTarget("127.0.0.1");
  /** Places, and whether each is cut off by itself. */
  const places = new Map<Proxy, { isCut: boolean }>();
  return {
    name: "proxies on loopback",
    postgres,
    targets: [{ type: "tcp", target: `127.0.0.1:${server.port}` }],
    async addPlace() {
      const proxy = await startProxy(postgres.url);
      const state = { isCut: false };
      places.set(proxy, state);
      const cut = () => {
        state.isCut = true;
        proxy.freeze();
      };
      return {
        databaseUrl: proxy.url,
        address: "127.0.0.1",
        cut,
        isolate: cut, // The targets are here; they cannot be cut off.
        async mend() {
          state.isCut = false;
          await reconnect(proxy);
        },
        async [Symbol.asyncDispose]() {
          places.delete(proxy);
          await proxy.cut();
        },
      };
    },
    cut() {
      for (const proxy of places.keys()) proxy.freeze();
    },
    async mend() {
      for (const [proxy, { isCut }] of places) if (!isCut) await reconnect(proxy);
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await postgres.stop();
    },
  };
}

/** What was sent meanwhile is lost for good, as behind a firewall that has forgotten. */
async function reconnect(proxy: Proxy): Promise<void> {
  await proxy.cut();
  await proxy.mend();
}

/** A migrated Postgres that listens at these addresses. */
export async function startPostgres(
  addresses: readonly string[],
): Promise<EmbeddedPostgres & AsyncDisposable> {
  const folder = await createFolder();
  const hostsFile = join(folder, "pg_hba.conf");
  await writeFile(
    hostsFile,
    "host all all 127.0.0.0/8 scram-sha-256\nhost all all 198.18.0.0/15 scram-sha-256\n",
  );
  const log = createLogger("warn", "chaos");
  const postgres = await startEmbeddedPostgres({
    dataDir: join(folder, "data"),
    log,
    settings: {
      listen_addresses: addresses.join(","),
      hba_file: hostsFile,
      fsync: "off", // There is no power cut here, and killed processes lose nothing by it.
      shared_buffers: "128MB",
    },
  });
  await migrate(postgres.url, { log });
  // Not a copy: which process it is changes.
  return Object.assign(postgres, { [Symbol.asyncDispose]: () => postgres.stop() });
}

/** A server that accepts whatever comes, in a process of its own. */
export async function startTarget(address: string, namespace?: string) {
  const args = [join(packageRoot, "test/chaos/target.mjs"), address];
  const server =
    namespace === undefined
      ? spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] })
      : spawn("ip", ["netns", "exec", namespace, process.execPath, ...args], {
          stdio: ["pipe", "pipe", "inherit"],
        });
  const [port] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
  return {
    port: Number(port),
    async [Symbol.asyncDispose]() {
      server.stdin.end();
      if (server.exitCode === null) await once(server, "exit");
    },
  };
}
