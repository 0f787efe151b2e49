// A target to measure: a TCP server on loopback that can be switched off and on again at the same port.
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

export interface Target extends AsyncDisposable {
  /** As a person types it: 127.0.0.1:port. */
  readonly address: string;
  off(): Promise<void>;
  on(): Promise<void>;
}

export async function startTarget(): Promise<Target> {
  const server = createServer((socket) => socket.on("error", () => {}).end());
  const listen = async (port: number) => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  const off = async () => {
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, off, on: () => listen(port), [Symbol.asyncDispose]: off };
}
