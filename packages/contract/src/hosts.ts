// Host names and addresses in one canonical form.

/**
 * A host in its canonical form: an ASCII name in lower case without the final dot, or a numeric address without
 * brackets, IPv6 in its shortest spelling. Null when it is neither.
 */
export function canonicalHost(text: string): string | null {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (bare.includes(":")) return canonicalIpv6(bare);
  return isIpv4(bare) ? bare : canonicalName(bare);
}

/** Labels of RFC 1123, with the underscore of service names (RFC 2782); a last label that is a number is no name. */
export function canonicalName(text: string): string | null {
  const name = asciiName(text)?.replace(/\.$/, "");
  if (name === undefined || name.length > 253) return null;
  const labels = name.split(".");
  const isWellFormed = labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  return isWellFormed && !/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "") ? name : null;
}

/** Four decimal numbers without leading zeros; spellings that only some programs read (127.1, 0x7f.1) are not addresses. */
export function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

export function isIpv6(text: string): boolean {
  return text.includes(":") && canonicalIpv6(text) !== null;
}

/** The URL class without its exception. */
export function parseUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** Lower case, and the ASCII form (UTS 46) of what is not ASCII. */
function asciiName(text: string): string | undefined {
  const lower = text.toLowerCase();
  if (/^[a-z0-9._-]+$/.test(lower)) return lower;
  // Of ASCII only what a name may hold goes to the URL parser, which would read the rest as other parts of a URL.
  return /^(?:[a-z0-9._-]|[^\0-\x7f])+$/.test(lower) ? parseUrl(`http://${lower}/`)?.hostname : undefined;
}

function canonicalIpv6(text: string): string | null {
  // Two colons at least, so that the many `address:port` never cost the URL parser's exception.
  if (!/^[0-9a-fA-F.]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*$/.test(text)) return null;
  return parseUrl(`http://[${text}]/`)?.hostname.slice(1, -1) ?? null;
}
