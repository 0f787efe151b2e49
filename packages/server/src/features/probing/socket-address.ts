// Numeric addresses between text and the kernel's struct sockaddr_in / sockaddr_in6.
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import ipaddr from "ipaddr.js";
import type { Family } from "./icmp/packet.js";

const AF_INET = 2;
const AF_INET6 = 10;

/** Writes the socket address at `offset` (28 bytes). Throws a sentence when the text is not a numeric address. */
export function writeSocketAddress(view: DataView, offset: number, text: string): Family {
  for (let index = 0; index < 28; index += 4) view.setUint32(offset + index, 0);
  // Asked first, because ipaddr.js takes shorthands such as 127.1 too.
  if (isIP(text) === 0) throw new Error(`${text} is not an IP address`);
  const [plain = "", zone] = text.split("%");
  const address = ipaddr.process(plain);
  const isIpv4 = address.kind() === "ipv4";
  view.setUint16(offset, isIpv4 ? AF_INET : AF_INET6, true);
  for (const [index, byte] of address.toByteArray().entries())
    view.setUint8(offset + (isIpv4 ? 4 : 8) + index, byte);
  if (isIpv4) return 4;
  if (zone !== undefined) view.setUint32(offset + 24, scopeOf(zone, text), true);
  return 6;
}

export function readAddress(view: DataView, offset: number, family: Family): string {
  const bytes = Array.from({ length: family === 4 ? 4 : 16 }, (_, index) => view.getUint8(offset + index));
  return ipaddr.fromByteArray(bytes).toString();
}

/** The number of a network interface, by which the kernel knows the zone of a link-local address. */
function scopeOf(zone: string, address: string): number {
  if (/^\d+$/.test(zone)) return Number(zone);
  const found = networkInterfaces()[zone]?.find((entry) => entry.family === "IPv6" && entry.scopeid > 0);
  if (found?.family !== "IPv6") throw new Error(`${address} names a network interface that has no IPv6 here`);
  return found.scopeid;
}
