// Passwords as scrypt hashes that name their parameters: `scrypt$n=16384,r=8,p=5$<salt>$<hash>`, base64url.
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { NightbellError } from "../../platform/errors.js";
import { Semaphore } from "../../platform/semaphore.js";

interface Parameters {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** The least memory-hungry of the settings OWASP recommends (Password Storage Cheat Sheet): 16 MiB, 0.18 s here. */
const PARAMETERS: Parameters = { n: 16_384, r: 8, p: 5 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Hashing holds one of libuv's four threads for all of its time, and name resolution and files need some too. */
const hashing = new Semaphore(
  { concurrency: 2, queue: 100 },
  () => new NightbellError("overloaded", "Too many people are logging in at once; try again in a moment."),
);

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, PARAMETERS);
  const { n, r, p } = PARAMETERS;
  return `scrypt$n=${n},r=${r},p=${p}$${salt.toString("base64url")}$${hash.toString("base64url")}`;
}

/** Whether the password belongs to the hash; without a hash it takes the same time to say no. */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const { parameters, salt, hash } = parse(stored ?? decoy);
  const isEqual = timingSafeEqual(await derive(password, salt, parameters), hash);
  return isEqual && stored !== null;
}

/** A hash of nothing anybody could type, of the form and cost of all others. */
const decoy = `scrypt$n=${PARAMETERS.n},r=${PARAMETERS.r},p=${PARAMETERS.p}$${randomBytes(SALT_BYTES).toString("base64url")}$${randomBytes(HASH_BYTES).toString("base64url")}`;

function parse(stored: string): { parameters: Parameters; salt: Buffer; hash: Buffer } {
  const match = /^scrypt\$n=(\d+),r=(\d+),p=(\d+)\$([\w-]+)\$([\w-]{43})$/.exec(stored);
  if (match === null) throw new Error("a stored password hash has an unknown form");
  const [, n, r, p, salt = "", hash = ""] = match;
  return {
    parameters: { n: Number(n), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, "base64url"),
    hash: Buffer.from(hash, "base64url"),
  };
}

function derive(password: string, salt: Buffer, { n, r, p }: Parameters): Promise<Buffer> {
  // Different keyboards compose the same letter differently (RFC 8265).
  const text = password.normalize("NFC");
  const options = { N: n, r, p, maxmem: 2 * 128 * n * r };
  return hashing.run(
    () =>
      new Promise((resolve, reject) => {
        scrypt(text, salt, HASH_BYTES, options, (error, hash) => (error ? reject(error) : resolve(hash)));
      }),
  );
}
