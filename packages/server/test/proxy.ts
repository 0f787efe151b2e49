// A TCP proxy in front of the database, to be cut and mended: the network that fails.
import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";

export interface Proxy extends AsyncDisposable {
  /** The URL given, through the proxy. */
  readonly url: string;
  /** Breaks all connections and refuses new ones. */
  cut(): Promise<void>;
  /** Keeps connections open but passes nothing on, in either direction. */
  freeze(): void;
  /** Passes on what clients send, and nothing of what comes back. */
  holdAnswers(): void;
  mend(): Promise<void>;
}

/** `host` is the address it listens on. */
export async function startProxy(target: string, host = "127.0.0.1"): Promise<Proxy> {
  const url = new URL(target);
  const sockets = new Set<Socket>();
  let isFrozen = false;
  let holdsAnswers = false;
  const server = createServer((client) => {
    const upstream = connect(Number(url.port), url.hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("data", (chunk) => {
        if (!isFrozen && !(holdsAnswers && socket === upstream)) other.write(chunk);
      });
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  const listen = async (port: number) => {
    server.listen(port, host);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const cut = async () => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  };
  const port = await listen(0);
  const proxied = new URL(url);
  proxied.hostname = host;
  proxied.port = String(port);
  return {
    url: proxied.href,
    cut,
    freeze: () => {
      isFrozen = true;
    },
    holdAnswers: () => {
      holdsAnswers = true;
    },
    mend: async () => {
      isFrozen = false;
      holdsAnswers = false;
      if (!server.listening) await listen(port);
    },
    [Symbol.asyncDispose]: cut,
  };
}
