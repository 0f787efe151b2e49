// A job's parent: chosen by a search, refused when it would close a circle, seen from both sides, and removed.
import type { Job, JobFamily } from "@nightbell/contract";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  apiClient,
  type ApiClient,
  eventually,
  type RunningNightbell,
  startNightbell,
} from "../packages/server/test/harness.js";
import { launchBrowser } from "./browser.js";
import { type Person, person, type PersonOptions, sees } from "./person.js";

const account = { name: "Ada Byron", email: "ada@example.org", password: "an engine of many wheels" };
const looks: PersonOptions[] = [
  { screen: "wide", scheme: "dark" },
  { screen: "wide", scheme: "light" },
  { screen: "phone", scheme: "dark" },
  { screen: "phone", scheme: "light" },
];

const card = ({ page }: Person) =>
  page.locator("section", { has: page.getByRole("heading", { name: "Reached through" }) });

async function visit(ada: Person, job: Job | undefined): Promise<void> {
  await ada.page.goto(`/jobs/${job?.id}`);
  await sees(card(ada).getByRole("button").first());
}

async function choose({ page }: Person, search: string, title: string): Promise<void> {
  await page.getByLabel("Find a job").fill(search);
  await page.getByRole("list", { name: "Jobs to choose from" }).getByText(title, { exact: true }).click();
}

describe("a job's parent", () => {
  let nightbell: RunningNightbell;
  let browser: Browser;
  let api: ApiClient;
  let [router, host, database, shop]: Job[] = [];

  beforeAll(async () => {
    [nightbell, browser] = await Promise.all([startNightbell(), launchBrowser()]);
    api = apiClient(nightbell.url);
    await api.register(account);
    const create = async (title: string): Promise<Job> =>
      (await api.post<Job>("/api/jobs", { ...quiet, title })).body;
    router = await create("Router, cellar");
    host = await create("Host db1");
    database = await create("Database on db1");
    shop = await create("Shop");
    for (let count = 0; count < 20; count += 1) await create(`Printer ${count}`);
  });
  afterAll(async () => {
    await browser?.close();
    await nightbell?.[Symbol.asyncDispose]();
  });

  const parentOf = async (job: Job | undefined) =>
    (await api.get<JobFamily>(`/api/jobs/${job?.id}/parent`)).body.parent?.title;

  test("is chosen by a search, and the child is listed on its page", async () => {
    await using ada = await person(browser, nightbell.url);
    await ada.logIn(account);
    await visit(ada, host);
    await card(ada).getByRole("button", { name: "Choose a parent" }).click();
    await choose(ada, "cellar", "Router, cellar");
    await sees(card(ada).getByRole("link", { name: "Router, cellar" }));
    expect(await parentOf(host)).toBe("Router, cellar");

    await visit(ada, database);
    await card(ada).getByRole("button", { name: "Choose a parent" }).click();
    await choose(ada, "host db", "Host db1");
    await card(ada).getByRole("link", { name: "Host db1" }).click();
    await ada.page.waitForURL(`**/jobs/${host?.id}`);
    await sees(
      card(ada).getByRole("list", { name: "Children" }).getByRole("link", { name: "Database on db1" }),
    );
    await sees(card(ada).getByText("1 job reached through this one"));
    expect(ada.faults).toEqual([]);
  });

  test("is refused when it is reached through the job itself, with the reason", async () => {
    await using ada = await person(browser, nightbell.url);
    await ada.logIn(account);
    await visit(ada, router);
    await card(ada).getByRole("button", { name: "Choose a parent" }).click();
    await choose(ada, "database", "Database on db1");
    const refusal = ada.page.getByRole("alert");
    await sees(refusal.getByText("Database on db1 cannot be the parent"));
    await sees(refusal.getByText("It is the job itself, or reached through it."));
    expect(await parentOf(router)).toBeUndefined();
    await ada.page.getByRole("button", { name: "Keep it as it is" }).click();
    await sees(card(ada).getByText("Nothing else."));
    expect(ada.faults).toEqual([]);
  });

  test("is changed and removed", async () => {
    await using ada = await person(browser, nightbell.url);
    await ada.logIn(account);
    await api.put(`/api/jobs/${shop?.id}/parent`, { parentId: host?.id });
    await visit(ada, shop);
    await card(ada).getByRole("button", { name: "Change" }).click();
    await choose(ada, "router", "Router, cellar");
    await sees(card(ada).getByRole("link", { name: "Router, cellar" }));
    await card(ada).getByRole("button", { name: "Remove the parent Router, cellar" }).click();
    await sees(card(ada).getByText("Nothing else."));
    await eventually(async () => expect(await parentOf(shop)).toBeUndefined());
    expect(ada.faults).toEqual([]);
  });

  for (const look of looks) {
    test(`is usable by everybody: ${look.screen}, ${look.scheme}`, async () => {
      await using ada = await person(browser, nightbell.url, look);
      await ada.logIn(account);
      await visit(ada, host);
      await sees(card(ada).getByRole("list", { name: "Children" }));
      await card(ada).scrollIntoViewIfNeeded();
      await ada.look(`parent-${look.screen}-${look.scheme}`);
      expect(await ada.barriers()).toEqual([]);
      await card(ada).getByRole("button", { name: "Change" }).click();
      await choose(ada, "database", "Database on db1");
      await sees(ada.page.getByRole("alert"));
      await ada.look(`parent-dialog-${look.screen}-${look.scheme}`);
      expect(await ada.barriers()).toEqual([]);
      expect(ada.faults).toEqual([]);
    });
  }
});

const quiet = {
  type: "icmp",
  target: "127.0.0.1",
  cadenceSeconds: 86_400,
  monitoringMode: "simulated",
};
