// Gatus's configuration (YAML): its endpoints as jobs.
import {
  dnsTarget,
  durationMs,
  type Fields,
  fieldsOf,
  isFields,
  isTrue,
  listOf,
  statusesThat,
  textOf,
} from "./reading.js";
import { type Draft, type Mapped, Mapping } from "./mapping.js";

const DEFAULT_INTERVAL_MS = 60_000;
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_REDIRECTS = 10;

/** `config` is the parsed file. Never throws. */
export function mapGatus(config: unknown): Mapped {
  const mapping = new Mapping();
  const fields = fieldsOf(config);
  // Older versions call them services.
  const name = "endpoints" in fields || !("services" in fields) ? "endpoints" : "services";
  const endpoints = fields[name];
  if (!Array.isArray(endpoints)) mapping.skip(name, "is missing: this is not a configuration of Gatus");
  for (const [index, endpoint] of listOf(endpoints).entries()) {
    const path = `${name}.${index}`;
    if (isFields(endpoint)) mapEndpoint(mapping, path, endpoint);
    else mapping.skip(path, "is not an endpoint");
  }
  for (const other of Object.keys(fields)) {
    if (other === "external-endpoints")
      mapping.skip(other, "call Gatus by themselves; there is no probe for them");
    else if (other !== name) mapping.skip(other, "has no counterpart here");
  }
  return mapping;
}

const KNOWN = [
  "name",
  "group",
  "enabled",
  "url",
  "method",
  "headers",
  "body",
  "interval",
  "conditions",
  "dns",
  "client",
];
const KNOWN_CLIENT = ["timeout", "insecure", "ignore-redirect"];

function mapEndpoint(mapping: Mapping, path: string, endpoint: Fields): void {
  const variable = /\$\{?[A-Za-z_]\w*\}?/.exec(
    JSON.stringify([endpoint["url"], endpoint["headers"], endpoint["body"]]),
  )?.[0];
  if (variable !== undefined)
    return mapping.skip(path, `holds the variable ${variable}; put its value there first`);
  if ("enabled" in endpoint && !isTrue(endpoint["enabled"]))
    return mapping.skip(path, "is disabled there, and a job would start at once");
  const url = textOf(endpoint["url"]);
  if (url === null) return mapping.skip(`${path}.url`, "is missing");
  const client = fieldsOf(endpoint["client"]);
  mapping.skipOthers(path, endpoint, KNOWN);
  mapping.skipOthers(`${path}.client`, client, KNOWN_CLIENT);
  const timeoutMs = durationMs(client["timeout"]) ?? DEFAULT_TIMEOUT_MS;
  const probe = probeOf(mapping, path, url, endpoint, client);
  if (probe === null) return;
  const checked = {
    options: { timeoutMs: Math.round(timeoutMs), ...probe.options },
    thresholds: {} as Record<string, number>,
  };
  readConditions(mapping, path, probe.type, listOf(endpoint["conditions"]), checked);
  const name = textOf(endpoint["name"]) ?? url;
  const group = textOf(endpoint["group"]);
  mapping.add(path, {
    keyParts: ["gatus", ...(group === null ? [] : [group]), name],
    title: group === null ? name : `${group}: ${name}`,
    type: probe.type,
    target: probe.target,
    cadenceSeconds: (durationMs(endpoint["interval"]) ?? DEFAULT_INTERVAL_MS) / 1_000,
    ...checked,
  });
}

function probeOf(
  mapping: Mapping,
  path: string,
  url: string,
  endpoint: Fields,
  client: Fields,
): Pick<Draft, "type" | "target" | "options"> | null {
  if (isFields(endpoint["dns"])) {
    const name = textOf(endpoint["dns"]["query-name"]);
    const recordType = textOf(endpoint["dns"]["query-type"]) ?? "A";
    return {
      type: "dns",
      target: dnsTarget(url.replace(/^dns:\/\//, ""), name ?? ""),
      options: { recordType },
    };
  }
  const scheme = /^([a-z0-9+.-]+):\/\//i.exec(url)?.[1]?.toLowerCase() ?? "";
  switch (scheme) {
    case "icmp":
    case "tcp":
      return { type: scheme, target: url, options: {} };
    case "tls":
      return { type: "tls", target: url, options: { verify: !isTrue(client["insecure"]) } };
    case "http":
    case "https":
      return {
        type: "http",
        target: url,
        options: {
          method: textOf(endpoint["method"]) ?? "GET",
          headers: Object.fromEntries(
            Object.entries(fieldsOf(endpoint["headers"])).map(([name, value]) => [name, textOf(value) ?? ""]),
          ),
          body: textOf(endpoint["body"]),
          verifyTls: !isTrue(client["insecure"]),
          maxRedirects: isTrue(client["ignore-redirect"]) ? 0 : DEFAULT_REDIRECTS,
        },
      };
    default:
      mapping.skip(
        `${path}.url`,
        scheme === "" ? "has no scheme, such as https://" : `there is no probe for ${scheme}://`,
      );
      return null;
  }
}

interface Checked {
  options: Record<string, unknown>;
  thresholds: Record<string, number>;
}

type Operator = "==" | "!=" | "<" | "<=" | ">" | ">=";

interface Condition {
  readonly left: string;
  readonly operator: Operator;
  readonly right: string;
}

function readConditions(
  mapping: Mapping,
  path: string,
  type: string,
  conditions: readonly unknown[],
  checked: Checked,
): void {
  const statuses: ((status: number) => boolean)[] = [];
  const assertions: object[] = [];
  for (const [index, text] of conditions.entries()) {
    const place = `${path}.conditions.${index}`;
    const condition = parseCondition(textOf(text) ?? "");
    const reason =
      condition === null
        ? "is not a condition"
        : takeCondition(type, condition, checked, { statuses, assertions });
    if (reason !== null) mapping.skip(place, reason);
  }
  if (type !== "http") return;
  checked.options["assertions"] = assertions;
  if (statuses.length > 0) {
    checked.options["expectedStatuses"] = statusesThat((status) =>
      statuses.every((accept) => accept(status)),
    );
  } else {
    mapping.skip(`${path}.conditions`, "accept any status; the job accepts 200 to 299");
  }
}

function parseCondition(text: string): Condition | null {
  const [, left, operator, right] = /^(.*?\S)\s*(==|!=|<=|>=|<|>)\s*(.*)$/.exec(text) ?? [];
  if (left === undefined || operator === undefined || right === undefined) return null;
  return { left, operator: operator as Operator, right };
}

/** Makes the condition part of the job; otherwise the reason why it is not. */
function takeCondition(
  type: string,
  condition: Condition,
  { options, thresholds }: Checked,
  { statuses, assertions }: { statuses: ((status: number) => boolean)[]; assertions: object[] },
): string | null {
  const { left, operator, right } = condition;
  const isEqual = operator === "==";
  if (left === "[CONNECTED]")
    return isEqual && right === "true" ? null : "a job succeeds only when it is connected";
  if (left === "[STATUS]" && type === "http") {
    const accept = statusTest(operator, right);
    if (accept === null) return "is not about statuses that a job can list";
    statuses.push(accept);
    return null;
  }
  if (left === "[RESPONSE_TIME]") {
    const limitMs = Number(right);
    if (!operator.startsWith("<") || !(limitMs > 0)) return "is not an upper limit";
    thresholds["criticalRttMs"] = limitMs;
    return "becomes a threshold that the chart draws; a slow answer is still a success";
  }
  if (left === "[CERTIFICATE_EXPIRATION]") {
    const leftMs = durationMs(right);
    if (type !== "tls" || leftMs === null || !operator.startsWith(">"))
      return "add a job of type tls with minDaysLeft for the certificate";
    options["minDaysLeft"] = Math.ceil(leftMs / 86_400_000);
    return null;
  }
  if (left === "[DNS_RCODE]" && isEqual) {
    options["expectedRcode"] = right;
    return null;
  }
  if (left === "[BODY]" && type === "dns" && isEqual && !/^(?:pat|any)\(/.test(right)) {
    options["expectedAnswers"] = [right];
    return null;
  }
  if (type !== "http") return "has no counterpart here";
  const assertion = bodyAssertion(condition);
  if (assertion === null) return "has no counterpart here";
  assertions.push(assertion);
  return null;
}

function statusTest(operator: Operator, right: string): ((status: number) => boolean) | null {
  const any = /^any\((.*)\)$/.exec(right)?.[1]?.split(",").map(Number);
  const values = any ?? [Number(right)];
  if (values.some((value) => !Number.isInteger(value) || value < 100 || value > 599)) return null;
  const [value = 0] = values;
  if (operator === "==") return (status) => values.includes(status);
  if (operator === "!=") return (status) => !values.includes(status);
  if (any !== undefined) return null;
  switch (operator) {
    case "<":
      return (status) => status < value;
    case "<=":
      return (status) => status <= value;
    case ">":
      return (status) => status > value;
    case ">=":
      return (status) => status >= value;
  }
}

/** `[BODY] == pat(*text*)` is text that the body holds; `[BODY].a.b[0] == value` is a value at a path. */
function bodyAssertion({ left, operator, right }: Condition): object | null {
  if (left === "[BODY]") {
    const contains = /^pat\(\*([^*]+)\*\)$/.exec(right)?.[1];
    if (contains === undefined || (operator !== "==" && operator !== "!=")) return null;
    return { kind: operator === "==" ? "body" : "bodyNot", contains };
  }
  const path = /^\[BODY\]((?:\.[\w-]+|\[\d+\])+)$/.exec(left)?.[1];
  if (path === undefined || operator !== "==" || /^(?:pat|any|len|has)\(/.test(right)) return null;
  return { kind: "json", path: path.replace(/\[(\d+)\]/g, ".$1").slice(1), equals: scalarOf(right) };
}

function scalarOf(text: string): string | number | boolean | null {
  if (text === "true" || text === "false") return text === "true";
  if (text === "null") return null;
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
