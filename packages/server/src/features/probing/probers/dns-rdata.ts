// The data of DNS records in presentation form, as zone files and dig write it, and when two such texts mean the same.
import type { OptionsOf } from "@nightbell/contract";
import ipaddr from "ipaddr.js";
import { DnsFormatError, escapeText, type WireReader } from "./dns-wire.js";

export const recordTypes: Readonly<Record<OptionsOf<"dns">["recordType"], number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DS: 43,
  DNSKEY: 48,
  TLSA: 52,
  SVCB: 64,
  HTTPS: 65,
  ANY: 255,
  CAA: 257,
};

/** Throws DnsFormatError when the data is shorter or longer than its type has it. */
export function presentRdata(type: number, rdata: WireReader): string {
  const text = present(type, rdata);
  if (rdata.remaining > 0) throw new DnsFormatError(`${rdata.remaining} bytes too many in a record`);
  return text;
}

function present(type: number, r: WireReader): string {
  switch (type) {
    case recordTypes.A:
      return ipaddr.fromByteArray([...r.bytes(4)]).toString();
    case recordTypes.AAAA:
      return ipaddr.fromByteArray([...r.bytes(16)]).toString();
    case recordTypes.NS:
    case recordTypes.CNAME:
    case recordTypes.PTR:
      return r.name();
    case recordTypes.SOA:
      return [r.name(), r.name(), r.uint32(), r.uint32(), r.uint32(), r.uint32(), r.uint32()].join(" ");
    case recordTypes.MX:
      return `${r.uint16()} ${r.name()}`;
    case recordTypes.TXT:
      return strings(r).join(" ");
    case recordTypes.SRV:
      return [r.uint16(), r.uint16(), r.uint16(), r.name()].join(" ");
    case recordTypes.NAPTR:
      return [r.uint16(), r.uint16(), quoted(r), quoted(r), quoted(r), r.name()].join(" ");
    case recordTypes.DS:
      return [r.uint16(), r.uint8(), r.uint8(), hex(r)].join(" ");
    case recordTypes.DNSKEY:
      return [r.uint16(), r.uint8(), r.uint8(), r.bytes().toString("base64")].join(" ");
    case recordTypes.TLSA:
      return [r.uint8(), r.uint8(), r.uint8(), hex(r)].join(" ");
    case recordTypes.SVCB:
    case recordTypes.HTTPS:
      return [r.uint16(), r.name(), ...serviceParameters(r)].join(" ");
    case recordTypes.CAA:
      return [r.uint8(), escapeText(r.string()), `"${escapeText(r.bytes())}"`].join(" ");
    default:
      return `\\# ${r.remaining} ${hex(r)}`.trim(); // any type, RFC 3597
  }
}

/** Keys of RFC 9460, 14.3.2, by number. */
const serviceKeys = ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"];

function serviceParameters(r: WireReader): string[] {
  const parameters: string[] = [];
  while (r.remaining > 0) {
    const key = r.uint16();
    const value = serviceValue(key, r.part(r.uint16()));
    const name = serviceKeys[key] ?? `key${key}`;
    parameters.push(value === "" ? name : `${name}=${value}`);
  }
  return parameters;
}

function serviceValue(key: number, r: WireReader): string {
  switch (serviceKeys[key]) {
    case "mandatory":
      return list(r, () => {
        const mandatory = r.uint16();
        return serviceKeys[mandatory] ?? `key${mandatory}`;
      });
    case "alpn":
      return `"${list(r, () => escapeText(r.string()))}"`;
    case "port":
      return list(r, () => String(r.uint16()));
    case "ipv4hint":
      return list(r, () => ipaddr.fromByteArray([...r.bytes(4)]).toString());
    case "ipv6hint":
      return list(r, () => ipaddr.fromByteArray([...r.bytes(16)]).toString());
    case "ech":
      return r.bytes().toString("base64");
    default:
      return r.remaining === 0 ? "" : `"${escapeText(r.bytes())}"`;
  }
}

function list(r: WireReader, next: () => string): string {
  const items: string[] = [];
  while (r.remaining > 0) items.push(next());
  return items.join(",");
}

function strings(r: WireReader): string[] {
  const all: string[] = [];
  while (r.remaining > 0) all.push(quoted(r));
  return all;
}

function quoted(r: WireReader): string {
  return `"${escapeText(r.string())}"`;
}

function hex(r: WireReader): string {
  return r.bytes().toString("hex").toUpperCase();
}

/**
 * Whether a text expected by a person is the data of a record. Names compare without regard to case or a final dot,
 * addresses by value, TXT by its joined strings whether or not they were typed with quotes, keys and digests without
 * the spaces that break their lines.
 */
export function isSameRdata(type: number, text: string, expected: string): boolean {
  return comparable(type, text) === comparable(type, expected.trim());
}

function comparable(type: number, text: string): string {
  switch (type) {
    case recordTypes.TXT:
      return text.startsWith('"')
        ? [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1]).join("")
        : escapeText(Buffer.from(text));
    case recordTypes.CAA:
    case recordTypes.NAPTR:
      return text.replaceAll('"', "").replaceAll(/\s+/g, " ");
    case recordTypes.DS:
    case recordTypes.TLSA:
      return text
        .toLowerCase()
        .replaceAll(/\s+/g, " ")
        .replaceAll(/(?<=[0-9a-f]{8,}) /g, "");
    case recordTypes.DNSKEY:
      return text.replaceAll(/\s+/g, " ").replaceAll(/(?<=\S{8,}) /g, "");
    case recordTypes.AAAA:
      return ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text).toString() : text;
    default:
      return text
        .toLowerCase()
        .replaceAll('"', "")
        .split(/\s+/)
        .map((word) => (word === "." ? word : word.replace(/\.$/, "")))
        .join(" ");
  }
}
