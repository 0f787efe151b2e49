// What this machine's own files say about names: /etc/hosts, and the search list of /etc/resolv.conf.
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";

export interface SystemNames {
  /** Addresses of a name in the hosts file, in the order of its lines; those of localhost always exist (RFC 6761). */
  hostAddresses(name: string): readonly string[];
  /** The full names to ask for, in order: resolv.conf's search list applies to names with fewer dots than `ndots`. */
  searchNames(name: string): string[];
}

export interface SystemFiles {
  hosts: string;
  resolvConf: string;
}

/** Reads the files at most once a second, and only when they changed. Never throws. */
export function createSystemNames(
  files: SystemFiles = { hosts: "/etc/hosts", resolvConf: "/etc/resolv.conf" },
): SystemNames {
  const hosts = cachedFile(files.hosts, parseHosts);
  const search = cachedFile(files.resolvConf, parseSearch);
  return {
    hostAddresses(name) {
      const isLocalhost = name === "localhost" || name.endsWith(".localhost");
      return [...(hosts().get(name) ?? []), ...(isLocalhost ? ["127.0.0.1", "::1"] : [])];
    },
    searchNames(name) {
      const { domains, ndots } = search();
      const expanded = domains.map((domain) => `${name}.${domain}`);
      return name.split(".").length - 1 >= ndots ? [name, ...expanded] : [...expanded, name];
    },
  };
}

/** `address name alias… # comment` lines; names in lower case. */
export function parseHosts(text: string): Map<string, string[]> {
  const addresses = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      addresses.set(key, [...(addresses.get(key) ?? []), address]);
    }
  }
  return addresses;
}

/** resolv.conf(5): the last `search` or `domain` line counts, at most six domains; `options ndots:n`, 1 by default. */
export function parseSearch(text: string): { domains: string[]; ndots: number } {
  let domains: string[] = [];
  let ndots = 1;
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === "search" || keyword === "domain") {
      domains = words.map((word) => word.replace(/\.$/, "")).filter((word) => word !== "");
    }
    if (keyword === "options") {
      const option = words.findLast((word) => /^ndots:\d+$/.test(word));
      if (option !== undefined) ndots = Math.min(15, Number(option.slice("ndots:".length)));
    }
  }
  return { domains: domains.slice(0, 6), ndots };
}

const RECHECK_MS = 1_000;

function cachedFile<Value>(path: string, parse: (text: string) => Value): () => Value {
  let value = parse("");
  let version = "";
  let checkedAt = -Infinity;
  return () => {
    const now = performance.now();
    if (now - checkedAt < RECHECK_MS) return value;
    checkedAt = now;
    try {
      const stat = statSync(path, { throwIfNoEntry: false });
      const current = stat === undefined ? "" : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
      if (current !== version) value = parse(stat === undefined ? "" : readFileSync(path, "utf8"));
      version = current;
    } catch {
      // Unreadable just now (too many open files, say): what was known before still holds.
    }
    return value;
  };
}
