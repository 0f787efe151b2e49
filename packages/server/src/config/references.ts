// REFERENCE_TARGETS: what a poller asks to learn whether it is online itself.
import { isIP } from "node:net";
import { parseTarget } from "@nightbell/contract";
import { z } from "zod";

/** Each is probed once a second; more would tell no more. */
const MAX_REFERENCES = 8;

export interface ReferenceTarget {
  readonly type: "icmp" | "tcp";
  readonly host: string;
  readonly port: number | null;
  /** What people know it by: `icmp://10.0.0.1`. */
  readonly name: string;
}

/** Comma separated: `10.0.0.1, tcp://10.0.0.2:53`. */
export const referenceTargets = z.string().transform((text, context): readonly ReferenceTarget[] => {
  const refuse = (message: string) => {
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  };
  const targets = new Map<string, ReferenceTarget>();
  for (const part of text.split(",").map((each) => each.trim())) {
    if (part === "") return refuse("must be targets with a comma between each two");
    const target = readReference(part);
    if (typeof target === "string") return refuse(`${part} ${target}`);
    targets.set(target.name, target);
  }
  if (targets.size > MAX_REFERENCES) return refuse(`must be at most ${MAX_REFERENCES} targets`);
  return [...targets.values()];
});

/** The target, or why it is none. */
function readReference(text: string): ReferenceTarget | string {
  const [scheme = "icmp"] = /^[a-z]+(?=:\/\/)/i.exec(text) ?? [];
  const type = scheme.toLowerCase();
  if (type !== "icmp" && type !== "tcp") return "must be an IP address, icmp://ADDRESS or tcp://ADDRESS:PORT";
  const parsed = parseTarget(type, text);
  if (!parsed.ok) return parsed.message;
  const { target } = parsed;
  if (target.type !== "icmp" && target.type !== "tcp") return "is no reference target";
  const { host } = target;
  // A name would ask a resolver as well, whose silence says nothing about the network.
  if (isIP(host) === 0) return "must have an IP address instead of a name";
  if (target.type === "icmp") return { type, host, port: null, name: `icmp://${host}` };
  const { port } = target;
  return { type, host, port, name: `tcp://${host.includes(":") ? `[${host}]` : host}:${port}` };
}
