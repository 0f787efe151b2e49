// A TLS server in front of instances of the API, as people run one; to be cut and mended like the line to it.
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { join } from "node:path";
import { makeCertificate } from "./certificates.js";
import { createFolder } from "./run-folder.js";

export interface TlsFront extends AsyncDisposable {
  readonly url: string;
  /** Of the authority that signed its certificate, PEM. */
  readonly caFile: string;
  /** Requests go to one after the other. */
  upstreams: string[];
  /** Breaks all connections and refuses new ones. */
  cut(): Promise<void>;
  mend(): Promise<void>;
}

export async function startTlsFront(...upstreams: string[]): Promise<TlsFront> {
  const authority = makeCertificate({ name: "Test authority", isAuthority: true });
  const { pem, keyPem } = makeCertificate({ name: "front", hosts: ["127.0.0.1"], issuer: authority });
  const caFile = join(await createFolder(), "ca.pem");
  await writeFile(caFile, authority.pem);
  const sockets = new Set<Duplex>();
  const agent = new Agent({ keepAlive: true });
  let turn = 0;
  const start = async (port: number): Promise<Server> => {
    const server = createServer({ cert: pem, key: keyPem }, (incoming, outgoing) => {
      const upstream = new URL(incoming.url ?? "/", front.upstreams[turn++ % front.upstreams.length]);
      const passed = request(upstream, { method: incoming.method, headers: incoming.headers, agent });
      passed.on("response", (response) => {
        outgoing.writeHead(response.statusCode ?? 502, response.headers);
        response.on("error", () => outgoing.destroy());
        response.pipe(outgoing);
      });
      passed.on("error", () => {
        if (outgoing.headersSent) outgoing.destroy();
        else outgoing.writeHead(502).end("bad gateway");
      });
      outgoing.on("close", () => passed.destroy());
      incoming.pipe(passed);
    });
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
    });
    server.on("tlsClientError", () => undefined);
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return server;
  };
  let server = await start(0);
  const { port } = server.address() as AddressInfo;
  const cut = async () => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  };
  const front: TlsFront = {
    url: `https://127.0.0.1:${port}`,
    caFile,
    upstreams,
    cut,
    async mend() {
      if (!server.listening) server = await start(port);
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      await cut();
    },
  };
  return front;
}
