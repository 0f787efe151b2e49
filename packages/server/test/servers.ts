// Servers on loopback for probes to measure; each test file ends those it started with `closeServers`.
import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";

const running: { server: Server; sockets: Set<Socket> }[] = [];

/** Starts a server of any kind on a free port of 127.0.0.1, which is returned. */
export async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
  });
  running.push({ server, sockets });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

export function serveHttp(listener: RequestListener): Promise<number> {
  return listen(createHttpServer(listener));
}

export function serveTcp(onConnection: (socket: Socket) => void): Promise<number> {
  return listen(createTcpServer(onConnection));
}

/** Answers whatever is sent first with these bytes and closes. */
export function serveBytes(bytes: string | Buffer): Promise<number> {
  return serveTcp((socket) => socket.once("data", () => socket.end(bytes)));
}

/** Connections that are open to the server started last. */
export function openConnections(): number {
  return running.at(-1)?.sockets.size ?? 0;
}

export function closeServers(): void {
  for (const { server, sockets } of running.splice(0)) {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
}
