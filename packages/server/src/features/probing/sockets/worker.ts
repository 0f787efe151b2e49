// The socket worker thread: opens the epoll set and what wakes it, then loops until the main thread closes.
import { parentPort, workerData } from "node:worker_threads";
import * as libc from "../libc.js";
import { type LargeAnswer, SocketLoop } from "./loop.js";
import { SocketMemory } from "./memory.js";

export interface WorkerInput {
  buffer: SharedArrayBuffer;
}

/** The first message; afterwards `null` says that there are results, and an answer is one that found no room there. */
export type WorkerGreeting = { ok: true; epoll: number; wakeUp: number } | { ok: false; message: string };

function main({ buffer }: WorkerInput): void {
  const epoll = libc.epollCreate(libc.EPOLL_CLOEXEC);
  const wakeUp = libc.eventfd(0, libc.EFD_CLOEXEC | libc.EFD_NONBLOCK);
  if (epoll < 0 || wakeUp < 0) {
    post({ ok: false, message: libc.describeErrno(libc.lastErrno()) });
    return;
  }
  const loop = new SocketLoop(new SocketMemory(buffer), { epoll, wakeUp }, post);
  post({ ok: true, epoll, wakeUp });
  loop.run();
}

function post(message: WorkerGreeting | LargeAnswer | null): void {
  const transferred = message !== null && "body" in message ? [message.body.buffer] : [];
  parentPort?.postMessage(message, transferred);
}

main(workerData as WorkerInput);
