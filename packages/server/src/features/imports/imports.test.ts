import { AppliedJob, optionsByType } from "@nightbell/contract";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { mapBlackbox, mapGatus, mapKuma, type Mapped } from "./index.js";
import { durationMs, literalOf, statusesThat } from "./reading.js";

/** Jobs as the API would store them, by key. */
function stored({ jobs }: Mapped) {
  return Object.fromEntries(
    jobs.map((job) => {
      const { key, ...rest } = AppliedJob.parse(job);
      return [key ?? "", rest];
    }),
  );
}
const paths = ({ unmapped }: Mapped) => unmapped.map(({ path }) => path);

/** Fails when a job is not valid, two have one key, or a part of the report says nothing. */
const expectSound = ({ jobs, unmapped }: Mapped) => {
  for (const job of jobs) {
    const valid = AppliedJob.parse(job);
    expect(optionsByType[valid.type].safeParse(valid.options).success).toBe(true);
  }
  expect(new Set(jobs.map(({ key }) => key)).size).toBe(jobs.length);
  for (const { path, reason } of unmapped) expect([path, reason]).not.toContain("");
};

/** A scrape of targets through a module. */
const probe = (module: string, targets: string[], more: object = {}) => ({
  metrics_path: "/probe",
  params: { module: [module] },
  static_configs: [{ targets }],
  ...more,
});

describe("a backup of Uptime Kuma", () => {
  const backup = {
    version: "1.23.0",
    notificationList: [{ id: 1, name: "mail" }],
    monitorList: [
      {
        id: 7,
        name: "Shop",
        type: "keyword",
        url: "https://shop.invalid/",
        method: "POST",
        headers: '{"X-From":"kuma"}',
        body: '{"a":1}',
        interval: 20,
        timeout: 16,
        keyword: "welcome",
        invertKeyword: true,
        accepted_statuscodes: ["200-299", "304"],
        maxredirects: 3,
        ignoreTls: true,
        maxretries: 2,
        basic_auth_user: "ada",
        basic_auth_pass: "secret",
        active: 1,
      },
      {
        id: 8,
        name: "Router",
        type: "ping",
        hostname: "192.0.2.1",
        interval: 60,
        packetSize: 120,
        active: true,
      },
      { id: 9, name: "Db", type: "port", hostname: "2001:db8::5", port: "5432", interval: 60 },
      {
        id: 10,
        name: "Name",
        type: "dns",
        hostname: "example.org",
        dns_resolve_server: "192.0.2.53",
        port: 53,
        dns_resolve_type: "MX",
        interval: 60,
      },
      {
        id: 11,
        name: "State",
        type: "json-query",
        url: "http://shop.invalid/state",
        jsonPath: "$.checks[0].ok",
        expectedValue: "true",
        interval: 60,
      },
      { id: 12, name: "Containers", type: "docker", interval: 60 },
      { id: 13, name: "Asleep", type: "ping", hostname: "192.0.2.2", active: 0 },
      { id: 14, name: "Reverse", type: "http", url: "http://shop.invalid/", upsideDown: 1 },
      { id: 15, name: "Too often", type: "ping", hostname: "192.0.2.3", interval: 0 },
      "nonsense",
    ],
  };

  it("becomes jobs that measure the same", () => {
    const jobs = stored(mapKuma(backup));
    expect(Object.keys(jobs)).toEqual(["kuma/7", "kuma/8", "kuma/9", "kuma/10", "kuma/11"]);
    expect(jobs["kuma/7"]).toMatchObject({
      title: "Shop",
      type: "http",
      target: "https://shop.invalid/",
      cadenceSeconds: 20,
      options: {
        method: "POST",
        timeoutMs: 16_000,
        headers: {
          "X-From": "kuma",
          Authorization: "Basic YWRhOnNlY3JldA==",
          "Content-Type": "application/json",
        },
        body: '{"a":1}',
        expectedStatuses: [200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 304],
        assertions: [{ kind: "bodyNot", contains: "welcome" }],
        maxRedirects: 3,
        verifyTls: false,
      },
    });
    expect(jobs["kuma/8"]).toMatchObject({
      type: "icmp",
      target: "192.0.2.1",
      options: { payloadBytes: 120 },
    });
    expect(jobs["kuma/9"]).toMatchObject({ type: "tcp", target: "[2001:db8::5]:5432" });
    expect(jobs["kuma/10"]).toMatchObject({
      type: "dns",
      target: "dns://192.0.2.53/example.org",
      options: { recordType: "MX" },
    });
    expect(jobs["kuma/11"]).toMatchObject({
      options: { assertions: [{ kind: "json", path: "checks.0.ok", equals: true }] },
    });
  });

  it("is reported where it has no counterpart", () => {
    expect(paths(mapKuma(backup))).toEqual([
      "notificationList",
      "monitorList.0.maxretries",
      "monitorList.5",
      "monitorList.6",
      "monitorList.7",
      "monitorList.8",
      "monitorList.9",
    ]);
    expect(mapKuma({ hello: 1 })).toMatchObject({ jobs: [], unmapped: [{ path: "monitorList" }] });
  });
});

describe("a configuration of Gatus", () => {
  const config = {
    alerting: { slack: {} },
    endpoints: [
      {
        name: "Home page",
        group: "Shop",
        url: "https://shop.invalid/health",
        interval: "1m30s",
        method: "GET",
        headers: { "X-Key": "k" },
        client: { timeout: "2s", insecure: true, "ignore-redirect": true },
        conditions: [
          "[STATUS] < 300",
          "[STATUS] >= 200",
          "[RESPONSE_TIME] < 250",
          "[BODY] == pat(*ready*)",
          "[BODY].user.names[0] == john",
          "[BODY].count == 3",
          "has([BODY].errors) == false",
        ],
        alerts: [{ type: "slack" }],
      },
      { name: "ping", url: "icmp://192.0.2.1", conditions: ["[CONNECTED] == true"] },
      {
        name: "mail",
        url: "tls://mail.invalid:993",
        interval: "1h",
        conditions: ["[CERTIFICATE_EXPIRATION] > 240h"],
      },
      {
        name: "ns",
        url: "192.0.2.53",
        dns: { "query-name": "example.org", "query-type": "A" },
        conditions: ["[DNS_RCODE] == NOERROR", "[BODY] == 192.0.2.80"],
      },
      { name: "ssh", url: "ssh://shop.invalid:22" },
      { name: "secret", url: "https://shop.invalid/${TOKEN}" },
      { name: "off", enabled: false, url: "tcp://192.0.2.1:22" },
      { name: "ping", url: "icmp://192.0.2.9", conditions: [] },
    ],
  };

  it("becomes jobs that measure the same", () => {
    const jobs = stored(mapGatus(config));
    expect(Object.keys(jobs)).toEqual([
      "gatus/shop/home-page",
      "gatus/ping",
      "gatus/mail",
      "gatus/ns",
      "gatus/ping-2",
    ]);
    expect(jobs["gatus/shop/home-page"]).toMatchObject({
      title: "Shop: Home page",
      cadenceSeconds: 90,
      thresholds: { criticalRttMs: 250 },
      options: {
        timeoutMs: 2_000,
        headers: { "X-Key": "k" },
        expectedStatuses: [],
        maxRedirects: 0,
        verifyTls: false,
        assertions: [
          { kind: "body", contains: "ready" },
          { kind: "json", path: "user.names.0", equals: "john" },
          { kind: "json", path: "count", equals: 3 },
        ],
      },
    });
    expect(jobs["gatus/mail"]).toMatchObject({
      type: "tls",
      cadenceSeconds: 3_600,
      options: { minDaysLeft: 10 },
    });
    expect(jobs["gatus/ns"]).toMatchObject({
      type: "dns",
      target: "dns://192.0.2.53/example.org",
      options: { expectedRcode: "NOERROR", expectedAnswers: ["192.0.2.80"] },
    });
  });

  it("is reported where it has no counterpart", () => {
    expect(paths(mapGatus(config))).toEqual([
      "endpoints.0.alerts",
      "endpoints.0.conditions.2",
      "endpoints.0.conditions.6",
      "endpoints.4.url",
      "endpoints.5",
      "endpoints.6",
      "alerting",
    ]);
  });
});

describe("modules of blackbox_exporter", () => {
  const config = {
    modules: {
      http_2xx: {
        prober: "http",
        timeout: "3s",
        http: {
          preferred_ip_protocol: "ip4",
          valid_status_codes: [200, 204],
          follow_redirects: false,
          fail_if_body_not_matches_regexp: ["all good", "v[0-9]+"],
          compression: "gzip",
        },
      },
      tls: { prober: "tcp", tcp: { tls: true, tls_config: { insecure_skip_verify: true } } },
      ns: { prober: "dns", dns: { query_name: "example.org", query_type: "SOA", transport_protocol: "tcp" } },
      ping: { prober: "icmp" },
      rpc: { prober: "grpc" },
    },
  };
  const prometheus = {
    global: { scrape_interval: "30s" },
    scrape_configs: [
      { job_name: "node", static_configs: [{ targets: ["192.0.2.1:9100"] }] },
      probe("http_2xx", ["https://shop.invalid", "192.0.2.2"], { scrape_interval: "10s" }),
      probe("tls", ["mail.invalid:993"], {
        relabel_configs: [{ target_label: "__param_target" }, { target_label: "team" }],
      }),
      probe("ns", ["192.0.2.53"], { scrape_timeout: "4s", file_sd_configs: [] }),
      probe("rpc", ["192.0.2.3:1"]),
      probe("missing", ["192.0.2.4"]),
    ],
  };

  it("become a job for each of their targets", () => {
    const jobs = stored(mapBlackbox(config, prometheus));
    expect(
      Object.values(jobs).map(({ type, target, cadenceSeconds }) => [type, target, cadenceSeconds]),
    ).toEqual([
      ["http", "https://shop.invalid", 10],
      ["http", "http://192.0.2.2", 10],
      ["tls", "mail.invalid:993", 30],
      ["dns", "dns://192.0.2.53/example.org", 30],
    ]);
    expect(Object.values(jobs)[0]?.options).toMatchObject({
      timeoutMs: 3_000,
      family: "ipv4",
      expectedStatuses: [200, 204],
      maxRedirects: 0,
      assertions: [{ kind: "body", contains: "all good" }],
    });
    expect(Object.values(jobs)[2]?.options).toMatchObject({ verify: false, timeoutMs: 9_500 });
    expect(Object.values(jobs)[3]?.options).toMatchObject({
      recordType: "SOA",
      transport: "tcp",
      timeoutMs: 3_500,
    });
  });

  it("are reported where they have no counterpart, or no target", () => {
    expect(paths(mapBlackbox(config, prometheus))).toEqual([
      "scrape_configs.2.relabel_configs.1",
      "scrape_configs.3.file_sd_configs",
      "scrape_configs.4.static_configs.0.targets.0",
      "scrape_configs.5.static_configs.0.targets.0",
      "modules.http_2xx.http.compression",
      "modules.http_2xx.http.fail_if_body_not_matches_regexp.1",
      "modules.ping",
    ]);
    expect(mapBlackbox(config, null).jobs).toEqual([]);
  });

  it("take a file of targets, whose labels name the module", () => {
    const targets = [
      { targets: ["192.0.2.1"], labels: { __param_module: "ping" } },
      { targets: ["shop.invalid"] },
    ];
    expect(mapBlackbox(config, targets).jobs.map(({ type }) => type)).toEqual(["icmp", "http"]);
  });
});

describe("nonsense", () => {
  /** Anything, with names and values that the mappers look for, so that it gets somewhere. */
  const words = fc.constantFrom(
    "http",
    "https://a.invalid/",
    "icmp://192.0.2.1",
    "tcp",
    "dns",
    "ping",
    "port",
    "keyword",
    "a.invalid",
    "60s",
    "[STATUS] == 200",
    "[STATUS] < any(1)",
    "[BODY].a == 1",
    "200-299",
    "{}",
    "[",
    "$.a",
    "__proto__",
    "toString",
    "http_2xx",
    "/probe",
    "",
  );
  const names = fc.constantFrom(
    "monitorList",
    "type",
    "url",
    "hostname",
    "port",
    "interval",
    "headers",
    "accepted_statuscodes",
    "active",
    "name",
    "id",
    "endpoints",
    "conditions",
    "client",
    "timeout",
    "dns",
    "query-name",
    "group",
    "modules",
    "http_2xx",
    "prober",
    "http",
    "tcp",
    "scrape_configs",
    "static_configs",
    "targets",
    "params",
    "module",
    "metrics_path",
    "labels",
    "__proto__",
    "constructor",
    "jsonPath",
    "expectedValue",
    "keyword",
    "body",
    "method",
    "valid_status_codes",
    "relabel_configs",
    "scrape_interval",
  );
  const { anything } = fc.letrec((tie) => ({
    anything: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      fc.oneof(
        words,
        fc.string({ unit: "binary" }),
        fc.double(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
      ),
      fc.array(tie("anything"), { maxLength: 5 }),
      fc.dictionary(names, tie("anything"), { maxKeys: 6 }),
    ),
  }));
  const monitor = fc.dictionary(names, anything, { maxKeys: 12 });

  test("never throws, and every job is valid and has a key of its own", () => {
    expect(() =>
      fc.assert(
        fc.property(anything, fc.array(monitor, { maxLength: 4 }), anything, (whatever, entries, more) => {
          expectSound(mapKuma(whatever));
          expectSound(
            mapKuma({
              monitorList: entries.map((entry, id) => ({
                type: "http",
                url: "https://a.invalid/",
                id,
                ...entry,
              })),
            }),
          );
          expectSound(mapGatus(whatever));
          expectSound(
            mapGatus({ endpoints: entries.map((entry) => ({ url: "https://a.invalid/", ...entry })) }),
          );
          expectSound(mapBlackbox(whatever, more));
          expectSound(
            mapBlackbox(
              {
                modules: Object.fromEntries(
                  entries.map((entry, at) => [`m${at}`, { prober: "http", ...entry }]),
                ),
              },
              entries.map((_, at) => ({
                targets: ["192.0.2.1", more],
                labels: { __param_module: `m${at}` },
              })),
            ),
          );
        }),
        { numRuns: 100 },
      ),
    ).not.toThrow();
  });
});

test.each([
  ["90s", 90_000],
  ["1h30m", 5_400_000],
  ["0.5s", 500],
  ["250ms", 250],
  ["1d", 86_400_000],
  ["soon", null],
  ["5", null],
  [5, null],
])("the duration %s", (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});

test.each([
  ["all good", "all good"],
  [String.raw`v1\.2`, "v1.2"],
  [".*ready.*", "ready"],
  ["v[0-9]", null],
  ["^ok", null],
  [String.raw`\d`, null],
])("the pattern %s as text", (pattern, text) => {
  expect(literalOf(pattern)).toBe(text);
});

test("exactly the successes are the default of a job", () => {
  expect(statusesThat((status) => status >= 200 && status < 300)).toEqual([]);
  expect(statusesThat((status) => status === 404)).toEqual([404]);
});
