// The ICMP worker thread: opens the sockets, says whether it can work, then loops until the engine closes.
import { randomBytes } from "node:crypto";
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { EchoLoop } from "./echo-loop.js";
import { openEchoSocket, type SocketMode } from "./echo-socket.js";
import { SharedMemory, type EngineLimits } from "./rings.js";

export interface WorkerInput {
  buffer: SharedArrayBuffer;
  limits: EngineLimits;
  modes: readonly SocketMode[];
}

/** Ahead of everything else on the machine that is not real-time: the loop needs little, but on time. */
const NICENESS = -15;

/** The first message; afterwards every message is a bare `null` that says: there are results. */
export type WorkerGreeting =
  | { ok: true; ipv4: SocketMode | null; ipv6: SocketMode | null }
  | { ok: false; code: "permission" | "socket"; message: string };

function main(input: WorkerInput): void {
  hurry();
  const ipv4 = openEchoSocket(4, input.modes);
  const ipv6 = openEchoSocket(6, input.modes);
  if (!ipv4.ok && !ipv6.ok) {
    post(ipv4);
    return;
  }
  const instance = randomBytes(4).readUInt32BE();
  const sockets = [ipv4, ipv6].flatMap((attempt) => (attempt.ok ? [attempt.socket] : []));
  const memory = new SharedMemory(input.limits, input.buffer);
  const loop = new EchoLoop(memory, sockets, instance, () => post(null));
  post({
    ok: true,
    ipv4: ipv4.ok ? ipv4.socket.mode : null,
    ipv6: ipv6.ok ? ipv6.socket.mode : null,
  });
  loop.run();
}

/** On Linux this concerns the calling thread alone. Only a privileged user may. */
function hurry(): void {
  try {
    setPriority(NICENESS);
  } catch {
    // Without the privilege probes are as punctual as the machine's load allows; their lateness is recorded.
  }
}

function post(message: WorkerGreeting | null): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- the rule means windows; a port has no origin
  parentPort?.postMessage(message);
}

main(workerData as WorkerInput);
