// A second host on this machine: a network namespace joined to ours by a veth pair, whose kernel answers no echo
// requests. Needs root and iproute2; without them `whyNoNetwork` says so. Nothing leaves the machine.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../src/platform/paths.js";
import { isRunning } from "../processes.js";

/** 198.18.0.0/15 is set aside for tests of network devices (RFC 2544). */
const NETWORKS = 512;
const NAME = /^nightbell-(\d+)-\d+$/;
let hosts = 0;

/** The reason why there can be no second host here, or null. */
export function whyNoNetwork(): string | null {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  try {
    ip("-V");
  } catch {
    return "iproute2 is not installed";
  }
  const probe = `nightbell-probe-${process.pid}`;
  try {
    ip("netns", "add", probe);
    ip("netns", "delete", probe);
    return null;
  } catch (error) {
    return `network namespaces are not permitted here: ${String(error)}`;
  }
}

export interface Host {
  /** Its network namespace, for `ip netns exec`. */
  namespace: string;
  /** An address of the host by its last byte, 2 to 254; our own is 1. */
  address(lastByte: number): string;
  /** Starts the responder of rules.mjs on the host. */
  respond(): Promise<Responder>;
  /** Takes the cable out, and puts it in again. */
  cut(): void;
  mend(): void;
  /** Takes it out at the far end: our routes stay, so that what is sent there is lost instead of refused. */
  goDark(): void;
  comeBack(): void;
  /** One of its addresses, by its last byte, takes in nothing, or everything again. */
  block(lastByte: number): void;
  unblock(lastByte: number): void;
  remove(): void;
}

export interface Responder {
  /** Ends it. By address: for each request in order, how long each reply was held, in nanoseconds of kernel time. */
  report(): Promise<Record<string, number[][]>>;
}

/** A name for a namespace that `removeStaleHosts` knows. */
export function newNamespace(): string {
  hosts += 1;
  return `nightbell-${process.pid}-${hosts}`;
}

/** Creates a network namespace, whose name says which process it belongs to. */
export function addNamespace(): string {
  removeStaleHosts();
  const namespace = newNamespace();
  ip("netns", "add", namespace);
  return namespace;
}

/** Creates a host. */
export function createHost(): Host {
  const namespace = addNamespace();
  const ours = `nb${process.pid}a${hosts}`;
  const theirs = `nb${process.pid}b${hosts}`;
  const prefix = freePrefix();
  const inside = (...args: string[]): string => ip("-n", namespace, ...args);
  const connect = (): void => {
    inside("link", "set", theirs, "up");
    inside("route", "replace", `${prefix}.1/32`, "dev", theirs);
  };
  try {
    ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", namespace);
    ip("address", "add", `${prefix}.1/24`, "dev", ours);
    ip("link", "set", ours, "up");
    inside("link", "set", "lo", "up");
    inside("address", "add", `${prefix}.2/24`, "dev", theirs);
    inside("route", "add", "local", `${prefix}.0/24`, "dev", "lo");
    connect();
    ip("netns", "exec", namespace, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all");
  } catch (error) {
    ip("netns", "delete", namespace);
    throw error;
  }
  return {
    namespace,
    address: (lastByte) => `${prefix}.${lastByte}`,
    respond: () => startResponder(namespace),
    cut: () => void ip("link", "set", ours, "down"),
    mend: () => void ip("link", "set", ours, "up"),
    goDark: () => void inside("link", "set", theirs, "down"),
    comeBack: connect,
    block: (lastByte) =>
      void inside("route", "add", "blackhole", `${prefix}.${lastByte}/32`, "table", "local"),
    unblock: (lastByte) =>
      void inside("route", "delete", "blackhole", `${prefix}.${lastByte}/32`, "table", "local"),
    remove: () => void ip("netns", "delete", namespace),
  };
}

async function startResponder(namespace: string): Promise<Responder> {
  const script = fileURLToPath(new URL("responder.mjs", import.meta.url));
  const run = [process.execPath, script, `${packageRoot}/dist`];
  const child = spawn("ip", ["netns", "exec", namespace, ...realTime(), ...run], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await nextLine(lines, child);
  return {
    async report() {
      child.stdin.end();
      const { held } = JSON.parse(await nextLine(lines, child)) as { held: Record<string, number[][]> };
      if (child.exitCode === null) await once(child, "exit");
      return held;
    },
  };
}

async function nextLine(lines: AsyncIterator<string>, child: ChildProcess): Promise<string> {
  const { value, done } = await lines.next();
  if (done === true) throw new Error(`the responder ended with exit code ${child.exitCode}`);
  return value;
}

/** Real-time scheduling where it is permitted: the held time is known anyway, but then it is also short. */
function realTime(): string[] {
  try {
    execFileSync("chrt", ["-f", "10", "true"], { stdio: "ignore" });
    return ["chrt", "-f", "10"];
  } catch {
    return [];
  }
}

/** The first three bytes of a /24 that no interface has. */
export function freePrefix(): string {
  const taken = ip("-o", "-4", "address", "show");
  for (let offset = 0; offset < NETWORKS; offset += 1) {
    const network = (process.pid + offset) % NETWORKS;
    const prefix = `198.${18 + (network >> 8)}.${network & 255}`;
    if (!taken.includes(` ${prefix}.`)) return prefix;
  }
  throw new Error("every network of 198.18.0.0/15 is taken");
}

/** Hosts of processes that were killed. */
export function removeStaleHosts(): void {
  for (const line of ip("netns", "list").split("\n")) {
    const [name = ""] = line.split(" ");
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) ip("netns", "delete", name);
  }
}

export function ip(...args: string[]): string {
  return execFileSync("ip", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
