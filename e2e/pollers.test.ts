// What the page of pollers says about reference targets: how many can be reached, who is offline, and which are of no use.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDatabase } from "../packages/server/src/platform/db.js";
import {
  apiClient,
  createDatabase,
  type RunningNightbell,
  startNightbell,
  type TestDatabase,
} from "../packages/server/test/harness.js";
import { launchBrowser } from "./browser.js";
import { person, type PersonOptions, sees } from "./person.js";

const account = { name: "Maria Mitchell", email: "maria@example.org", password: "we watch the comets pass" };
const looks: PersonOptions[] = [
  { screen: "wide", scheme: "dark" },
  { screen: "wide", scheme: "light" },
  { screen: "phone", scheme: "dark" },
  { screen: "phone", scheme: "light" },
];

describe("the references of pollers", () => {
  let database: TestDatabase;
  let nightbell: RunningNightbell;
  let browser: Browser;

  beforeAll(async () => {
    database = await createDatabase();
    [nightbell, browser] = await Promise.all([
      startNightbell({
        databaseUrl: database.url,
        env: { REFERENCE_TARGETS: "tcp://127.0.0.1:1, tcp://127.0.0.2:1", POLLER_NAME: "west" },
      }),
      launchBrowser(),
    ]);
    await apiClient(nightbell.url).register(account);
    // Two that run elsewhere: one is offline, and one was given an address that nobody has.
    const gateway = { target: "icmp://10.0.0.1", hasAnswered: true };
    await addPoller(database.url, "north", {
      targets: [{ ...gateway, isReachable: false, error: "no answer from 10.0.0.1 within 1000 ms" }],
      offlineSince: Date.now() - 130_000,
      offlinePeriods: [],
    });
    const error = "no answer from 10.0.0.7:53 (while connecting)";
    await addPoller(database.url, "south", {
      targets: [
        { ...gateway, isReachable: true, error: null },
        { target: "tcp://10.0.0.7:53", isReachable: false, hasAnswered: false, error },
      ],
      offlineSince: null,
      offlinePeriods: [],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await nightbell?.[Symbol.asyncDispose]();
    await database?.[Symbol.asyncDispose]();
  });

  for (const look of looks) {
    test(`are shown: ${look.screen}, ${look.scheme}`, async () => {
      await using maria = await person(browser, nightbell.url, look);
      const { page } = maria;
      await maria.logIn(account);
      await page.goto("/pollers");
      const row = (name: string) => page.getByRole("row").filter({ hasText: name });
      await sees(row("west").getByText("2 of 2 references reachable"));
      await sees(row("north").getByText("Offline", { exact: true }));
      await sees(row("north").getByText("0 of 1 reference reachable"));
      await sees(page.getByText(/^north went offline \d+ min ago$/));
      await sees(row("south").getByText("1 of 2 references reachable"));
      await sees(page.getByText("A reference target of south has never answered"));
      await maria.look(`references-${look.screen}-${look.scheme}`);
      expect(await maria.barriers()).toEqual([]);
      expect(maria.faults).toEqual([]);
    });
  }
});

async function addPoller(url: string, name: string, references: object): Promise<void> {
  const handle = openDatabase(url, { poolSize: 1, applicationName: "test" });
  const stats = {
    jobCount: 0,
    samplesPerSecond: 120,
    latenessP99Ms: 1.2,
    memoryBytes: 96_000_000,
    clockOffsetMs: 2,
    version: "0.1.0",
    references,
  };
  await handle.pool.query(
    `insert into pollers (id, location_no, name, kind, state, lease_until, buckets, stats)
     select gen_random_uuid(), location_no, $1, 'local', 'joining', now() + interval '1 hour',
       decode(repeat('00', 1024), 'hex'), $2
     from locations where name = 'default'`,
    [name, JSON.stringify(stats)],
  );
  await handle.close();
}
