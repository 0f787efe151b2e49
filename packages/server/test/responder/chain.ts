// A path of several hops on this machine: routers in network namespaces of their own, one behind the other, and a host
// at the end, over IPv4 and IPv6. It can be broken behind any router. Nothing leaves the machine.
import { freePrefix, ip, newNamespace, removeStaleHosts } from "./network.js";

export interface Chain extends Disposable {
  /** Addresses of each hop as a path from here shows them, the host's last. */
  readonly hops: readonly { readonly ipv4: string; readonly ipv6: string }[];
  /** The namespace of the first router: a path from there begins with the second. */
  readonly first: string;
  /** The host's. */
  readonly target: { readonly ipv4: string; readonly ipv6: string };
  /** From now on nothing gets beyond the router (from 1) to the host: nobody says so, or the router does. */
  breakAfter(router: number, how: "silently" | "saying so"): void;
  mend(): void;
}

interface Node {
  readonly namespace: string;
  /** Towards us. */
  readonly near: { readonly ipv4: string; readonly ipv6: string };
}

/** Creates the path; `whyNoNetwork` says whether that is possible. */
export function createChain(routers = 4): Chain {
  removeStaleHosts();
  const prefix = freePrefix();
  const id = newNamespace().split("-").at(-1);
  // A /30 and a /64 for each link; fd00::/8 is for private use (RFC 4193).
  const ipv4 = (link: number, side: 1 | 2): string => `${prefix}.${4 * link + side}`;
  const ipv6Prefix = `fd5a:${(process.pid & 0xffff).toString(16)}:${id}`;
  const ipv6 = (link: number, side: 1 | 2): string => `${ipv6Prefix}:${link + 1}::${side}`;
  const nodes: Node[] = [];
  const remove = (): void => {
    for (const { namespace } of nodes) ip("netns", "delete", namespace);
  };
  try {
    for (let index = 0; index <= routers; index += 1) {
      const namespace = newNamespace();
      ip("netns", "add", namespace);
      forward(namespace);
      nodes.push({ namespace, near: { ipv4: ipv4(index, 2), ipv6: ipv6(index, 2) } });
      const previous = nodes[index - 1]?.namespace;
      const outside = previous === undefined ? [] : ["-n", previous];
      const [far, near] = [`nb${process.pid}f${id}${index}`, `nb${process.pid}n${id}${index}`];
      ip(...outside, "link", "add", far, "type", "veth", "peer", "name", near, "netns", namespace);
      addAddresses(outside, far, ipv4(index, 1), ipv6(index, 1));
      addAddresses(["-n", namespace], near, ipv4(index, 2), ipv6(index, 2));
      ip("-n", namespace, "link", "set", "lo", "up");
      // Back to us, and from each node before on to the new link.
      ip("-n", namespace, "route", "add", "default", "via", ipv4(index, 1));
      ip("-n", namespace, "-6", "route", "add", "default", "via", ipv6(index, 1));
      for (let before = 0; before < index; before += 1) {
        const from = nodes[before - 1]?.namespace;
        const where = from === undefined ? [] : ["-n", from];
        ip(...where, "route", "add", `${prefix}.${4 * index}/30`, "via", ipv4(before, 2));
        ip(...where, "-6", "route", "add", `${ipv6Prefix}:${index + 1}::/64`, "via", ipv6(before, 2));
      }
    }
  } catch (error) {
    remove();
    throw error;
  }
  const last = { ipv4: ipv4(routers, 2), ipv6: ipv6(routers, 2) };
  let broken: { namespace: string; how: string } | null = null;
  const chain: Chain = {
    hops: nodes.map(({ near }) => near),
    first: nodes[0]?.namespace ?? "",
    target: last,
    breakAfter(router, how) {
      // A router that has no way drops packets before it looks at their time to live: the next one does it silently.
      const namespace = nodes[how === "silently" ? router : router - 1]?.namespace ?? "";
      broken = { namespace, how: how === "silently" ? "blackhole" : "unreachable" };
      ip("-n", namespace, "route", "add", broken.how, `${last.ipv4}/32`);
      ip("-n", namespace, "-6", "route", "add", broken.how, `${last.ipv6}/128`);
    },
    mend() {
      if (broken === null) return;
      ip("-n", broken.namespace, "route", "delete", broken.how, `${last.ipv4}/32`);
      ip("-n", broken.namespace, "-6", "route", "delete", broken.how, `${last.ipv6}/128`);
      broken = null;
    },
    [Symbol.dispose]: remove,
  };
  return chain;
}

function addAddresses(where: readonly string[], device: string, ipv4: string, ipv6: string): void {
  ip(...where, "address", "add", `${ipv4}/30`, "dev", device);
  // Without looking for duplicates, which takes a second.
  ip(...where, "-6", "address", "add", `${ipv6}/64`, "dev", device, "nodad");
  ip(...where, "link", "set", device, "up");
}

/** A router that answers everything, however fast it is asked, from its first moment on. Its links come afterwards. */
function forward(namespace: string): void {
  const settings = [
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv6.icmp.ratelimit=0",
    // While it looks for duplicates of its link-local address, a router asks for no neighbour of a packet it forwards.
    "net.ipv6.conf.default.accept_dad=0",
  ];
  for (const setting of settings) {
    const [name = "", value = ""] = setting.split("=");
    const file = `/proc/sys/${name.replaceAll(".", "/")}`;
    ip("netns", "exec", namespace, "sh", "-c", `echo ${value} >${file}`);
  }
}
