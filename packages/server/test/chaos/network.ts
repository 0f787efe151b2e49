// Every poller is a host of its own: a network namespace with one cable to the database and one to the targets. Two
// switches, in a namespace between them, join the cables; a cable that is taken out of its switch loses what is sent, and
// nobody is told: no reset, no refusal, as behind a firewall that drops.
import { addNamespace, freePrefix, ip } from "../responder/network.js";

/** Of the /24, the database and the pollers have the lower half, the targets and the pollers the upper one. */
const TARGETS_FROM = 128;
/** Addresses of either half: 1 is the database's or the targets'. */
const LAST_POLLER = 125;

export interface Network extends Disposable {
  /** This machine, where the database is. */
  readonly address: string;
  /** The host of the targets, whose kernel answers pings. */
  readonly targets: { readonly namespace: string; readonly address: string };
  addHost(): PollerHost;
  /** The cable of this machine: no poller reaches the database. */
  cut(): void;
  mend(): void;
}

export interface PollerHost {
  readonly namespace: string;
  /** On the database's side. */
  readonly address: string;
  /** Takes its cable to the database out. */
  cut(): void;
  /** Switches its own network cards off: it reaches nothing, and its kernel says so. */
  isolate(): void;
  /** Undoes both. */
  mend(): void;
  remove(): void;
}

export function createNetwork(): Network {
  const prefix = freePrefix();
  const names = addNamespace();
  const inSwitch = (...args: string[]) => ip("-n", names, ...args);
  const targets = addNamespace();
  const ours = `nb${process.pid}`;
  for (const bridge of ["database", "targets"]) {
    inSwitch("link", "add", bridge, "type", "bridge");
    inSwitch("link", "set", bridge, "up");
  }
  /** Puts a cable into a switch: `port` is its end there. */
  const plug = (port: string, bridge: string) => void inSwitch("link", "set", port, "master", bridge);
  const unplug = (port: string) => void inSwitch("link", "set", port, "nomaster");
  const cable = (port: string, bridge: string, [namespace, name, address]: [string, string, string]) => {
    const end = namespace === "" ? [name] : [name, "netns", namespace];
    ip("link", "add", port, "netns", names, "type", "veth", "peer", "name", ...end);
    inSwitch("link", "set", port, "up");
    plug(port, bridge);
    const inside = (...args: string[]) => ip(...(namespace === "" ? [] : ["-n", namespace]), ...args);
    inside("address", "add", `${address}/25`, "dev", name);
    inside("link", "set", name, "up");
  };
  cable("uplink", "database", ["", ours, `${prefix}.1`]);
  cable("server", "targets", [targets, "eth0", `${prefix}.${TARGETS_FROM + 1}`]);
  ip("-n", targets, "link", "set", "lo", "up");

  let hosts = 0;
  return {
    address: `${prefix}.1`,
    targets: { namespace: targets, address: `${prefix}.${TARGETS_FROM + 1}` },
    addHost() {
      const namespace = addNamespace();
      const byte = 2 + (hosts++ % (LAST_POLLER - 1));
      const inside = (...args: string[]) => void ip("-n", namespace, ...args);
      inside("link", "set", "lo", "up");
      cable(`d${hosts}`, "database", [namespace, "database", `${prefix}.${byte}`]);
      cable(`t${hosts}`, "targets", [namespace, "targets", `${prefix}.${TARGETS_FROM + byte}`]);
      const port = `d${hosts}`;
      return {
        namespace,
        address: `${prefix}.${byte}`,
        cut: () => unplug(port),
        isolate() {
          for (const card of ["database", "targets"]) inside("link", "set", card, "down");
        },
        mend() {
          for (const card of ["database", "targets"]) inside("link", "set", card, "up");
          plug(port, "database");
        },
        remove: () => void ip("netns", "delete", namespace),
      };
    },
    cut: () => unplug("uplink"),
    mend: () => plug("uplink", "database"),
    [Symbol.dispose]() {
      for (const namespace of [names, targets]) ip("netns", "delete", namespace);
    },
  };
}
