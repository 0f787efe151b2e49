// What a remote poller has to be told: where the server is, and its token.
import { readFileSync } from "node:fs";
import ipaddr from "ipaddr.js";

/** As the command line takes them. */
export interface RemoteArguments {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly ca?: string | undefined;
}

export interface RemoteSettings {
  /** Ends in a slash. */
  readonly url: URL;
  readonly token: string;
  /** Certificates to trust beside the usual ones, PEM; null for none. */
  readonly ca: string | null;
}

/** Thrown for what makes no sense; the message says what to do. */
export class SettingsError extends Error {}

/**
 * Arguments win over the environment: NIGHTBELL_URL, NIGHTBELL_POLLER_TOKEN, NIGHTBELL_POLLER_TOKEN_FILE and
 * NIGHTBELL_CA_FILE. Throws SettingsError.
 */
export function remoteSettings(given: RemoteArguments, environment: NodeJS.ProcessEnv): RemoteSettings {
  const set = (name: string) => environment[name] || undefined;
  const url = given.url ?? set("NIGHTBELL_URL");
  if (url === undefined) throw new SettingsError("--url: is required, as in https://nightbell.example.org");
  const file = given.tokenFile ?? set("NIGHTBELL_POLLER_TOKEN_FILE");
  const token =
    given.token ??
    (given.tokenFile === undefined ? set("NIGHTBELL_POLLER_TOKEN") : undefined) ??
    (file === undefined ? undefined : read(file, "the token").trim());
  if (token === undefined || token === "") {
    throw new SettingsError(
      "a token is needed: set NIGHTBELL_POLLER_TOKEN, or give --token-file or --token; the page Pollers makes one",
    );
  }
  if (!/^[\w-]+$/.test(token)) throw new SettingsError("the token has characters that no token has");
  const ca = given.ca ?? set("NIGHTBELL_CA_FILE");
  return { url: serverUrl(url), token, ca: ca === undefined ? null : read(ca, "the certificates of --ca") };
}

function serverUrl(text: string): URL {
  if (!URL.canParse(text)) throw new SettingsError(`--url: ${text} is not a URL`);
  const url = new URL(text);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    throw new SettingsError(
      `--url: must be https://…, so that nobody on the way can read the token; http:// is for loopback addresses only, and ${url.hostname || text} is none`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new SettingsError("--url: must not hold a user or a password; the token says who it is");
  }
  [url.search, url.hash] = ["", ""];
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** By what the name says, not by what it resolves to, which others may decide. */
function isLoopback(hostname: string): boolean {
  if (hostname === "localhost") return true;
  const address = hostname.replaceAll(/^\[|\]$/g, "");
  return ipaddr.isValid(address) && ipaddr.process(address).range() === "loopback";
}

function read(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new SettingsError(
      `${path}: ${what} cannot be read (${(error as { code?: string }).code ?? "unknown"})`,
    );
  }
}
