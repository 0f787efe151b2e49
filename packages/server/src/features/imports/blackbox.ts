// blackbox_exporter's modules, and the targets that Prometheus gives them, as jobs: one for each module and target.
import {
  basicAuthorization,
  dnsTarget,
  durationMs,
  type Fields,
  fieldsOf,
  isFields,
  isTrue,
  listOf,
  literalOf,
  numberOf,
  textOf,
} from "./reading.js";
import { type Draft, type Mapped, Mapping } from "./mapping.js";

const DEFAULT_INTERVAL_MS = 60_000;
const DEFAULT_SCRAPE_TIMEOUT_MS = 10_000;
const DEFAULT_REDIRECTS = 10;
/** What blackbox_exporter leaves Prometheus of the time that it waits. */
const RESERVE_MS = 500;
const DEFAULT_MODULE = "http_2xx";

/**
 * `config` is blackbox.yml as parsed; `targets` is prometheus.yml, or the list of a file of targets (file_sd), whose
 * labels name the module as `__param_module`. Never throws.
 */
export function mapBlackbox(config: unknown, targets: unknown): Mapped {
  const mapping = new Mapping();
  const { modules } = fieldsOf(config);
  if (!isFields(modules)) {
    mapping.skip("modules", "is missing: this is not a configuration of blackbox_exporter");
    return mapping;
  }
  const scrapes = Array.isArray(targets)
    ? scrapesOfFile(mapping, targets)
    : scrapesOfPrometheus(mapping, targets);
  const used = new Set<string>();
  for (const scrape of scrapes) {
    const module = modules[scrape.module];
    if (!isFields(module)) {
      mapping.skip(scrape.path, `there is no module ${scrape.module}`);
      continue;
    }
    mapTarget(mapping, scrape, module);
    used.add(scrape.module);
  }
  for (const [name, module] of Object.entries(modules)) {
    const path = `modules.${name}`;
    if (!isFields(module)) mapping.skip(path, "is not a module");
    else if (used.has(name)) reportModule(mapping, path, module);
    else mapping.skip(path, "no target uses it: name the targets with --targets prometheus.yml");
  }
  return mapping;
}

interface Scrape {
  readonly path: string;
  readonly module: string;
  readonly target: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

function scrapesOfPrometheus(mapping: Mapping, prometheus: unknown): Scrape[] {
  const { global, scrape_configs: configs } = fieldsOf(prometheus);
  const { scrape_interval: globalInterval, scrape_timeout: globalTimeout } = fieldsOf(global);
  return listOf(configs).flatMap((entry, index) => {
    const config = fieldsOf(entry);
    const path = `scrape_configs.${index}`;
    const named = listOf(fieldsOf(config["params"])["module"]).flatMap((name) => textOf(name) ?? []);
    // Others scrape exporters, which are no targets.
    if (named.length === 0 && textOf(config["metrics_path"]) !== "/probe") return [];
    reportScrape(mapping, path, config);
    const [module = DEFAULT_MODULE] = named;
    const times = {
      intervalMs: durationMs(config["scrape_interval"]) ?? durationMs(globalInterval) ?? DEFAULT_INTERVAL_MS,
      timeoutMs:
        durationMs(config["scrape_timeout"]) ?? durationMs(globalTimeout) ?? DEFAULT_SCRAPE_TIMEOUT_MS,
    };
    return groupsOf(mapping, `${path}.static_configs`, config["static_configs"], module, times);
  });
}

function scrapesOfFile(mapping: Mapping, groups: readonly unknown[]): Scrape[] {
  return groupsOf(mapping, "targets", groups, DEFAULT_MODULE, {
    intervalMs: DEFAULT_INTERVAL_MS,
    timeoutMs: DEFAULT_SCRAPE_TIMEOUT_MS,
  });
}

function groupsOf(
  mapping: Mapping,
  path: string,
  groups: unknown,
  module: string,
  times: Pick<Scrape, "intervalMs" | "timeoutMs">,
): Scrape[] {
  return listOf(groups).flatMap((group, groupIndex) => {
    const { targets, labels } = fieldsOf(group);
    const own = textOf(fieldsOf(labels)["__param_module"]) ?? module;
    return listOf(targets).flatMap((value, index) => {
      const place = `${path}.${groupIndex}.targets.${index}`;
      const target = textOf(value);
      if (target === null) mapping.skip(place, "is not a target");
      return target === null ? [] : [{ path: place, module: own, target, ...times }];
    });
  });
}

/** What only Prometheus can find out, and what is written for it alone. */
function reportScrape(mapping: Mapping, path: string, config: Fields): void {
  for (const name of Object.keys(config)) {
    if (name.endsWith("_sd_configs"))
      mapping.skip(`${path}.${name}`, "targets that Prometheus discovers are not known here");
  }
  const usual = new Set(["__param_target", "instance", "__address__"]);
  for (const [index, rule] of listOf(config["relabel_configs"]).entries()) {
    if (usual.has(textOf(fieldsOf(rule)["target_label"]) ?? "")) continue;
    mapping.skip(
      `${path}.relabel_configs.${index}`,
      "is not evaluated: targets are taken as they are written",
    );
  }
}

function mapTarget(
  mapping: Mapping,
  { path, module: name, target, intervalMs, timeoutMs }: Scrape,
  module: Fields,
): void {
  const probe = probeOf(module, target);
  if (typeof probe === "string") return mapping.skip(path, probe);
  mapping.add(path, {
    keyParts: ["blackbox", name, target],
    title: `${target} (${name})`,
    cadenceSeconds: intervalMs / 1_000,
    ...probe,
    options: {
      timeoutMs: Math.max(10, Math.round(durationMs(module["timeout"]) ?? timeoutMs - RESERVE_MS)),
      ...probe.options,
    },
  });
}

/** The probe that the module makes of a target, or why there is none. */
function probeOf(module: Fields, target: string): Pick<Draft, "type" | "target" | "options"> | string {
  const prober = textOf(module["prober"]) ?? "none";
  const settings = fieldsOf(module[prober]);
  const family = familyOf(settings);
  switch (prober) {
    case "http":
      return {
        type: "http",
        target: /^https?:\/\//i.test(target) ? target : `http://${target}`,
        options: { family, ...httpOptions(settings) },
      };
    case "tcp":
      return isTrue(settings["tls"])
        ? { type: "tls", target, options: { family, ...tlsOptions(settings) } }
        : { type: "tcp", target, options: { family } };
    case "icmp":
      return {
        type: "icmp",
        target,
        options: {
          family,
          ...numberAs("payloadBytes", settings["payload_size"]),
          ...numberAs("ttl", settings["ttl"]),
        },
      };
    case "dns": {
      const name = textOf(settings["query_name"]);
      if (name === null) return "its module has no query_name";
      return { type: "dns", target: dnsTarget(target, name), options: { family, ...dnsOptions(settings) } };
    }
    default:
      return `there is no probe for the prober ${prober}`;
  }
}

/** Theirs prefers IPv6 and falls back, as `auto` does. */
function familyOf(settings: Fields): string {
  const wanted = textOf(settings["preferred_ip_protocol"]) ?? "ip6";
  if (wanted === "ip4") return "ipv4";
  return settings["ip_protocol_fallback"] === false ? "ipv6" : "auto";
}

function httpOptions(settings: Fields): Record<string, unknown> {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(fieldsOf(settings["headers"]))) {
    const text = textOf(value);
    if (text !== null) headers.set(name, text);
  }
  const { username, password } = fieldsOf(settings["basic_auth"]);
  const user = textOf(username);
  const token = textOf(settings["bearer_token"]);
  if (user !== null) headers.set("Authorization", basicAuthorization(user, textOf(password) ?? ""));
  else if (token !== null) headers.set("Authorization", `Bearer ${token}`);
  const follows = settings["follow_redirects"] !== false && !isTrue(settings["no_follow_redirects"]);
  const versions = listOf(settings["valid_http_versions"]).map(textOf);
  return {
    method: textOf(settings["method"]) ?? "GET",
    headers: Object.fromEntries(headers),
    body: textOf(settings["body"]),
    expectedStatuses: listOf(settings["valid_status_codes"]).map(numberOf),
    maxRedirects: follows ? DEFAULT_REDIRECTS : 0,
    verifyTls: !isTrue(fieldsOf(settings["tls_config"])["insecure_skip_verify"]),
    ...(isOnlyHttp2(versions) && { version: "2" }),
    assertions: assertionsOf(settings),
  };
}

function assertionsOf(settings: Fields): object[] {
  const bodies = (name: string, kind: string) =>
    listOf(settings[name]).flatMap((pattern) => {
      const contains = literalOf(pattern);
      return contains === null ? [] : [{ kind, contains }];
    });
  return [
    ...bodies("fail_if_body_not_matches_regexp", "body"),
    ...bodies("fail_if_body_matches_regexp", "bodyNot"),
    ...listOf(settings["fail_if_header_not_matches"]).flatMap((rule) => {
      const { header, regexp } = fieldsOf(rule);
      const contains = literalOf(regexp);
      return contains === null ? [] : [{ kind: "header", name: textOf(header) ?? "", contains }];
    }),
  ];
}

function isOnlyHttp2(versions: readonly (string | null)[]): boolean {
  return versions.length > 0 && versions.every((version) => version?.startsWith("HTTP/2") === true);
}

function tlsOptions(settings: Fields): Record<string, unknown> {
  const { insecure_skip_verify: isInsecure, server_name: serverName } = fieldsOf(settings["tls_config"]);
  return { verify: !isTrue(isInsecure), serverName: textOf(serverName) };
}

function dnsOptions(settings: Fields): Record<string, unknown> {
  const transport = textOf(settings["transport_protocol"]);
  const [rcode] = listOf(settings["valid_rcodes"]).map(textOf);
  return {
    recordType: textOf(settings["query_type"]) ?? "ANY",
    ...(transport !== null && { transport }),
    ...(typeof rcode === "string" && { expectedRcode: rcode }),
    ...(settings["recursion_desired"] === false && { recursionDesired: false }),
  };
}

function numberAs(name: string, value: unknown): Record<string, number> {
  const number = numberOf(value);
  return number === null || number === 0 ? {} : { [name]: number };
}

const KNOWN: Record<string, readonly string[]> = {
  http: [
    "preferred_ip_protocol",
    "ip_protocol_fallback",
    "method",
    "headers",
    "body",
    "basic_auth",
    "bearer_token",
    "valid_status_codes",
    "follow_redirects",
    "no_follow_redirects",
    "tls_config",
    "valid_http_versions",
    "fail_if_body_matches_regexp",
    "fail_if_body_not_matches_regexp",
    "fail_if_header_not_matches",
  ],
  tcp: ["preferred_ip_protocol", "ip_protocol_fallback", "tls", "tls_config"],
  icmp: ["preferred_ip_protocol", "ip_protocol_fallback", "payload_size", "ttl"],
  dns: [
    "preferred_ip_protocol",
    "ip_protocol_fallback",
    "query_name",
    "query_type",
    "valid_rcodes",
    "transport_protocol",
    "recursion_desired",
  ],
};
const REGULAR_EXPRESSIONS = ["fail_if_body_matches_regexp", "fail_if_body_not_matches_regexp"];

/** What of a module its jobs do not do; once, however many targets it has. */
function reportModule(mapping: Mapping, path: string, module: Fields): void {
  const prober = textOf(module["prober"]) ?? "none";
  const known = KNOWN[prober];
  if (known === undefined) return; // Its targets say it.
  const settings = fieldsOf(module[prober]);
  const below = `${path}.${prober}`;
  mapping.skipOthers(path, module, ["prober", "timeout", prober]);
  mapping.skipOthers(below, settings, known);
  mapping.skipOthers(`${below}.tls_config`, fieldsOf(settings["tls_config"]), [
    "insecure_skip_verify",
    "server_name",
  ]);
  for (const name of REGULAR_EXPRESSIONS) {
    for (const [index, pattern] of listOf(settings[name]).entries()) {
      if (literalOf(pattern) === null)
        mapping.skip(`${below}.${name}.${index}`, "is a regular expression; jobs look for text");
    }
  }
  for (const [index, rule] of listOf(settings["fail_if_header_not_matches"]).entries()) {
    const isText = literalOf(fieldsOf(rule)["regexp"]) !== null;
    if (!isText)
      mapping.skip(
        `${below}.fail_if_header_not_matches.${index}`,
        "is a regular expression; jobs look for text",
      );
  }
  const versions = listOf(settings["valid_http_versions"]).map(textOf);
  if (versions.length > 0 && !isOnlyHttp2(versions))
    mapping.skip(`${below}.valid_http_versions`, "a job can only insist on HTTP/2");
  if (listOf(settings["valid_rcodes"]).length > 1)
    mapping.skip(`${below}.valid_rcodes`, "a job expects one code, the first");
}
