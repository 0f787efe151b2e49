/**
 * X.509 certificates for tests, built and signed with node:crypto alone (RFC 5280 in DER), so that every kind of wrong
 * one can be made at any time and no openssl is needed.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

export interface Certificate {
  name: string;
  pem: string;
  keyPem: string;
  key: KeyObject;
}

export interface CertificateOptions {
  /** Common name of the subject. */
  name: string;
  /** Subject alternative names, host names or addresses. */
  hosts?: string[];
  /** Who signs; itself when absent. */
  issuer?: Certificate;
  isAuthority?: boolean;
  validFrom?: Date;
  validTo?: Date;
}

const DAY_MS = 86_400_000;

export const daysFromNow = (days: number): Date => new Date(Date.now() + days * DAY_MS);

export function makeCertificate(options: CertificateOptions): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { validFrom = daysFromNow(-30), validTo = daysFromNow(365), issuer } = options;
  const body = sequence(
    context(0, integer(Buffer.from([2]))), // version 3
    integer(serialOf(publicKey)),
    ECDSA_WITH_SHA256,
    distinguishedName(issuer?.name ?? options.name),
    sequence(time(validFrom), time(validTo)),
    distinguishedName(options.name),
    publicKey.export({ type: "spki", format: "der" }),
    context(3, sequence(...extensions(options))),
  );
  const signature = sign("sha256", body, issuer?.key ?? privateKey);
  const der = sequence(body, ECDSA_WITH_SHA256, bitString(signature));
  return {
    name: options.name,
    key: privateKey,
    keyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    pem: `-----BEGIN CERTIFICATE-----\n${der.toString("base64").replaceAll(/.{64}/g, "$&\n").trim()}\n-----END CERTIFICATE-----\n`,
  };
}

function extensions({ isAuthority = false, hosts = [] }: CertificateOptions): Buffer[] {
  const basicConstraints = extension("2.5.29.19", sequence(...(isAuthority ? [boolean(true)] : [])));
  const names = hosts.map((host) =>
    isIP(host) === 0
      ? der(0x82, Buffer.from(host, "latin1"))
      : der(0x87, Buffer.from(ipaddr.parse(host).toByteArray())),
  );
  return names.length === 0
    ? [basicConstraints]
    : [basicConstraints, extension("2.5.29.17", sequence(...names))];
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(objectId(id), boolean(true), der(0x04, value));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(objectId("2.5.4.3"), der(0x0c, Buffer.from(commonName)))));
}

/** UTCTime to 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5). */
function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(digits.slice(2)))
    : der(0x18, Buffer.from(digits));
}

function serialOf(key: KeyObject): Buffer {
  const digest = createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest();
  return Buffer.concat([Buffer.from([1]), digest.subarray(0, 15)]);
}

function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function sequence(...contents: Buffer[]): Buffer {
  return der(0x30, ...contents);
}

function context(number: number, content: Buffer): Buffer {
  return der(0xa0 + number, content);
}

function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes);
}

function boolean(value: boolean): Buffer {
  return der(0x01, Buffer.from([value ? 0xff : 0]));
}

function bitString(bytes: Buffer): Buffer {
  return der(0x03, Buffer.from([0]), bytes);
}

function objectId(id: string): Buffer {
  const [first = 0, second = 0, ...rest] = id.split(".").map(Number);
  const base128 = (value: number): number[] =>
    value < 0x80 ? [value] : [...base128(value >> 7).map((byte) => byte | 0x80), value & 0x7f];
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

const ECDSA_WITH_SHA256 = sequence(objectId("1.2.840.10045.4.3.2"));
