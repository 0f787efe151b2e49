import { parseTarget, type JobType } from "@nightbell/contract";

/** The type that a target plainly asks for, when it is not the chosen one: `https://…` in a ping, `host:5432` in HTTP. */
export function suggestType(chosen: JobType, target: string): JobType | null {
  const text = target.trim();
  const asked = typeOf(text);
  return asked !== null && asked !== chosen && !parseTarget(chosen, text).ok && parseTarget(asked, text).ok
    ? asked
    : null;
}

function typeOf(text: string): JobType | null {
  if (/^https?:\/\//i.test(text)) return "http";
  if (/^wss?:\/\//i.test(text)) return "websocket";
  if (/^udp:\/\//i.test(text)) return "udp";
  if (/^dns:\/\//i.test(text)) return "dns";
  if (/^tls:\/\//i.test(text)) return "tls";
  if (/^tcp:\/\//i.test(text)) return "tcp";
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return "icmp";
  if (text.endsWith(":443")) return "tls";
  if (/:\d+$/.test(text)) return "tcp";
  return null;
}
