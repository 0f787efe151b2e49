// Which addresses probes may reach (P12): loopback and private ones, that is what they are for; never metadata services.
import ipaddr from "ipaddr.js";

/** What no probe connects to, in whichever form an address is embedded in another. */
const deniedRanges: [network: string, what: string][] = [
  ["0.0.0.0/8", "an unspecified address"],
  ["169.254.0.0/16", "a link-local address, where cloud metadata services live"],
  ["100.100.100.200/32", "a cloud metadata service"],
  ["168.63.129.16/32", "a cloud metadata service"], // Azure's host agent, which hands out certificates
  ["192.0.0.192/32", "a cloud metadata service"], // Oracle
  ["224.0.0.0/4", "a multicast address"],
  ["255.255.255.255/32", "the broadcast address"],
  ["::/128", "an unspecified address"],
  ["fe80::/10", "a link-local address, where cloud metadata services live"],
  ["fd00:ec2::254/128", "a cloud metadata service"],
  ["fd00:ec2::23/128", "a cloud metadata service"],
  ["fd20:ce::254/128", "a cloud metadata service"],
  ["fd00:42::42/128", "a cloud metadata service"], // Scaleway
  ["ff00::/8", "a multicast address"],
];

/** IPv6 networks whose addresses carry an IPv4 address, at this byte. */
const embeddings: [network: string, offset: number][] = [
  ["::ffff:0:0/96", 12], // IPv4-mapped, RFC 4291
  ["::ffff:0:0:0/96", 12], // IPv4-translated, RFC 2765
  ["64:ff9b::/96", 12], // NAT64, RFC 6052
  ["64:ff9b:1::/48", 12], // local-use NAT64, RFC 8215, with a /96 prefix
  ["2002::/16", 2], // 6to4, RFC 3056
  ["::/96", 12], // IPv4-compatible, RFC 4291; last, since it holds :: and ::1 too
];

const denied = deniedRanges.map(([network, what]) => ({ range: ipaddr.parseCIDR(network), what }));
const deniedOf = {
  ipv4: denied.filter(({ range: [network] }) => network.kind() === "ipv4"),
  ipv6: denied.filter(({ range: [network] }) => network.kind() === "ipv6"),
};
const embedding = embeddings.map(([network, offset]) => ({ range: ipaddr.IPv6.parseCIDR(network), offset }));

/** Why a probe may not connect to a numeric address; null when it may. */
export function addressDenial(address: string): string | null {
  const parsed = ipaddr.parse(address);
  const what = deniedAs(parsed) ?? embeddedIpv4(parsed).map(deniedAs).find(Boolean);
  return what ? `probes may not reach ${address}: it is ${what}` : null;
}

/** `::ffff:10.0.0.5` is reached over IPv4, so that is the address measured; others stay as they are. */
export function withoutMapping(address: string): string {
  return address.includes(":") ? ipaddr.process(address).toString() : address;
}

function deniedAs(address: ipaddr.IPv4 | ipaddr.IPv6): string | undefined {
  return deniedOf[address.kind()].find(({ range }) => address.match(range))?.what;
}

function embeddedIpv4(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4[] {
  if (address instanceof ipaddr.IPv4 || address.toString() === "::1") return [];
  const bytes = address.toByteArray();
  return embedding
    .filter(({ range }) => address.match(range))
    .map(({ offset }) => new ipaddr.IPv4(bytes.slice(offset, offset + 4)));
}
