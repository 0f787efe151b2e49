import { describe, expect, test } from "vitest";
import { ConfigError, loadConfig } from "./config.js";

describe("the environment", () => {
  test.each([
    { REPLICA_ID: "", REPLICA_COUNT: "", is: 0 },
    { REPLICA_ID: "2", REPLICA_COUNT: "3", is: 2 },
    { REPLICA_ID: "nightbell-poller-1", REPLICA_COUNT: "3", is: 1 },
  ])("takes REPLICA_ID=$REPLICA_ID as $is", ({ is, ...environment }) =>
    expect(loadConfig(environment).REPLICA_ID).toBe(is),
  );

  test.each([
    { MAIL_FROM: "", says: "MAIL_FROM: is required with SMTP_URL, as in Nightbell <nightbell@example.org>" },
    { MAIL_FROM: "Nightbell", says: "MAIL_FROM: must be an address, or Nightbell <nightbell@example.org>" },
    {
      MAIL_FROM: "A\r\nBcc: b@example.org <a@example.org>",
      says: "MAIL_FROM: must be an address, or Nightbell <nightbell@example.org>",
    },
  ])("refuses MAIL_FROM=$MAIL_FROM with a sentence", ({ MAIL_FROM, says }) =>
    expect(() => loadConfig({ MAIL_FROM, SMTP_URL: "smtp://127.0.0.1" })).toThrow(new ConfigError(says)),
  );

  test.each([
    { REPLICA_ID: "-1", says: "REPLICA_ID: must be a whole number from 0, or a pod name that ends in one" },
    {
      REPLICA_ID: "poller",
      says: "REPLICA_ID: must be a whole number from 0, or a pod name that ends in one",
    },
    { REPLICA_ID: "3", says: "REPLICA_ID: 3 must be below REPLICA_COUNT (3); ids start at 0" },
  ])("refuses REPLICA_ID=$REPLICA_ID with a sentence", ({ REPLICA_ID, says }) =>
    expect(() => loadConfig({ REPLICA_ID, REPLICA_COUNT: "3" })).toThrow(new ConfigError(says)),
  );

  test("refuses rollups that leave before the raw samples they are built of", () => {
    expect(() => loadConfig({ RAW_RETENTION_HOURS: "49", ROLLUP_5M_RETENTION_DAYS: "2" })).toThrow(
      new ConfigError("ROLLUP_5M_RETENTION_DAYS: 2 days are less than RAW_RETENTION_HOURS (49 hours)"),
    );
    expect(loadConfig({ RAW_RETENTION_HOURS: "48", ROLLUP_5M_RETENTION_DAYS: "2" })).toBeDefined();
  });

  test("reads REFERENCE_TARGETS", () => {
    const { REFERENCE_TARGETS } = loadConfig({
      REFERENCE_TARGETS: "10.0.0.1, tcp://10.0.0.2:53,icmp://10.0.0.1, tcp://[2001:db8::1]:443",
    });
    expect(REFERENCE_TARGETS).toEqual([
      { type: "icmp", host: "10.0.0.1", port: null, name: "icmp://10.0.0.1" },
      { type: "tcp", host: "10.0.0.2", port: 53, name: "tcp://10.0.0.2:53" },
      { type: "tcp", host: "2001:db8::1", port: 443, name: "tcp://[2001:db8::1]:443" },
    ]);
    expect(loadConfig({ REFERENCE_TARGETS: "" }).REFERENCE_TARGETS).toBeUndefined();
  });

  test.each([
    ["10.0.0.1,", "must be targets with a comma between each two"],
    ["udp://10.0.0.1:53", "udp://10.0.0.1:53 must be an IP address, icmp://ADDRESS or tcp://ADDRESS:PORT"],
    ["gateway.example.org", "gateway.example.org must have an IP address instead of a name"],
    ["tcp://10.0.0.1", "tcp://10.0.0.1 needs a port, such as example.org:5432"],
    ["10.0.0.1:53", "10.0.0.1:53 must be a host name or an IP address"],
    ["10.0.0.0/8", "10.0.0.0/8 must be a host name or an IP address"],
    [Array.from({ length: 9 }, (_, index) => `10.0.0.${index}`).join(), "must be at most 8 targets"],
  ])("refuses REFERENCE_TARGETS=%s with a sentence", (REFERENCE_TARGETS, says) =>
    expect(() => loadConfig({ REFERENCE_TARGETS })).toThrow(new ConfigError(`REFERENCE_TARGETS: ${says}`)),
  );
});
