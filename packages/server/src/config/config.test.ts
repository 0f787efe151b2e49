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
});
