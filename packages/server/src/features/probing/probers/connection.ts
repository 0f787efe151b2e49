// From a host and a port to a connected socket: resolution, the address rules, the connect, and what each failure means.
import { connect, isIP, type Socket } from "node:net";
import {
  type AddressFamily,
  type Resolution,
  resolveHost,
  resolveLocally,
  type ResolvedAddress,
} from "../address.js";
import { type Attempt, endpointText, ProbeFailure } from "./attempt.js";

export interface Connected {
  socket: Socket;
  /** When the connect was seen done (performance.now()). */
  at: number;
  /** `10.0.0.5:443` */
  endpoint: string;
}

/** DNS servers to use instead of the system's. */
export type NameServers = readonly string[] | undefined;

/** The numeric address to measure, in phase `dns` (only for names). Throws ProbeFailure. */
export async function resolveTarget(
  current: Attempt,
  host: string,
  family: AddressFamily,
  servers: NameServers,
): Promise<ResolvedAddress> {
  const resolution = resolveLocally(host, family) ?? (await lookUp(current, host, family, servers));
  if (!resolution.ok) throw new ProbeFailure(resolution.code, resolution.error);
  if (isIP(host) === 0) current.endPhase("dns");
  current.address = resolution.address;
  return resolution;
}

function lookUp(
  current: Attempt,
  host: string,
  family: AddressFamily,
  servers: NameServers,
): Promise<Resolution> {
  const { timeoutMs, signal } = current;
  current.awaitsOurs("resolver", `our resolver, asked for ${host},`);
  return resolveHost(host, family, { timeoutMs, signal, servers });
}

/** Connects a new socket to a checked address, in phase `connect`. Throws ProbeFailure. */
export function connectTo(current: Attempt, to: ResolvedAddress, port: number): Promise<Connected> {
  const endpoint = endpointText(to.address, port);
  current.awaits(endpoint, "while connecting");
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: to.address,
      port,
      family: to.family,
      autoSelectFamily: false,
    });
    current.hold(() => release(socket));
    let isLocal = false;
    // net connects in the next tick; a socket that is dead right after it was refused by our own kernel.
    process.nextTick(() => {
      isLocal = socket.destroyed;
    });
    // Stays for the life of the socket: what happens after the end of the try must not end the process.
    socket.on("error", (error) => reject(connectionFailure(error, current, endpoint, isLocal)));
    socket.once("connect", () => resolve({ socket, at: current.endPhase("connect"), endpoint }));
  });
}

/** By RST once connected: a closed connection per probe would fill the ports with TIME_WAIT. */
function release(socket: Socket): void {
  if (socket.connecting || socket.destroyed) socket.destroy();
  else socket.resetAndDestroy();
}

/**
 * What an error of a socket means. ENETUNREACH and EHOSTUNREACH have two origins: out of connect(2) itself (`isLocal`)
 * they mean that our routing table has no way: ours. Later they mean that a router said so, or that no neighbour on the
 * target's network answered for it (ARP, NDP): the target's.
 */
export function connectionFailure(
  error: NodeJS.ErrnoException,
  { during }: Attempt,
  endpoint: string,
  isLocal = false,
): ProbeFailure {
  switch (error.code) {
    case "ECONNREFUSED":
      return new ProbeFailure("connection_refused", `connection refused by ${endpoint}`);
    case "ECONNRESET":
      // Without a system call it is Node's word for a close that came too early.
      return error.syscall === undefined
        ? new ProbeFailure("connection_closed", `${endpoint} closed the connection (${during})`)
        : new ProbeFailure("connection_reset", `connection reset by ${endpoint} (${during})`);
    case "EPIPE":
      return new ProbeFailure("connection_closed", `${endpoint} closed the connection (${during})`);
    case "ETIMEDOUT":
      return new ProbeFailure("timeout", `no answer from ${endpoint} (${during})`);
    case "ENETUNREACH":
      return isLocal
        ? new ProbeFailure("no_route", `this machine has no route to ${endpoint}`)
        : new ProbeFailure("network_unreachable", `a router has no way to the network of ${endpoint}`);
    case "EHOSTUNREACH":
      return isLocal
        ? new ProbeFailure("no_route", `this machine has no route to ${endpoint}`)
        : new ProbeFailure(
            "host_unreachable",
            `${endpoint} cannot be reached: nothing answers at the address`,
          );
    case "EACCES":
    case "EPERM":
      return new ProbeFailure("permission", `this machine does not permit a connection to ${endpoint}`);
    case "EADDRNOTAVAIL":
      return new ProbeFailure("socket", `no local address or port is free to connect to ${endpoint} from`);
    case "EMFILE":
    case "ENFILE":
      return new ProbeFailure("socket", "this process has too many files open to connect; raise its limit");
    case "EAFNOSUPPORT":
      return new ProbeFailure("address_family", `this machine has no support for the address of ${endpoint}`);
    default:
      return new ProbeFailure(
        "socket",
        `a socket of ours failed (${error.code ?? error.message}, ${during})`,
      );
  }
}
