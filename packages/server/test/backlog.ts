// A port that never answers: its listener's queue is full and its thread asleep, so the kernel drops every SYN.
import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";

const listener = `
  const { parentPort } = require("node:worker_threads");
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

export interface SilentPort {
  port: number;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function silentPort(): Promise<SilentPort> {
  const worker = new Worker(listener, { eval: true });
  const port = await new Promise<number>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  const fillers: Socket[] = [];
  while (await isAnswered(port, fillers)) if (fillers.length > 20) throw new Error("the queue does not fill");
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of fillers) socket.destroy();
      await worker.terminate();
    },
  };
}

/** Opens one more connection and says whether the kernel still answers. */
function isAnswered(port: number, opened: Socket[]): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    opened.push(socket);
    const timer = setTimeout(() => resolve(false), 100);
    socket.on("error", () => undefined);
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
