// What a person sees while the database stands still, and after it is back: soon, on every page, and nothing that is not so.
import type { Job } from "@nightbell/contract";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import {
  apiClient,
  createDatabase,
  eventually,
  type RunningNightbell,
  startNightbell,
  type TestDatabase,
} from "../packages/server/test/harness.js";
import { type Proxy, startProxy } from "../packages/server/test/proxy.js";
import { launchBrowser } from "./browser.js";
import { person, type PersonOptions, sees } from "./person.js";
import { startTarget, type Target } from "./target.js";

const account = { name: "Ida Noddack", email: "ida@example.org", password: "rhenium among the rest" };
const looks: PersonOptions[] = [
  { screen: "wide", scheme: "dark" },
  { screen: "phone", scheme: "light" },
];
/** Four seconds, and one for a busy machine. */
const SOON_MS = 5_000;

describe("while the database stands still", () => {
  let database: TestDatabase;
  let toDatabase: Proxy;
  let nightbell: RunningNightbell;
  let browser: Browser;
  let target: Target;
  let job: Job;

  beforeAll(async () => {
    database = await createDatabase();
    toDatabase = await startProxy(database.url);
    [nightbell, browser, target] = await Promise.all([
      startNightbell({ databaseUrl: toDatabase.url }),
      launchBrowser(),
      startTarget(),
    ]);
    const api = apiClient(nightbell.url);
    await api.register(account);
    const created = {
      title: "Assay",
      type: "tcp",
      target: target.address,
      cadenceSeconds: 0.5,
      options: { timeoutMs: 500 },
    };
    ({ body: job } = await api.post<Job>("/api/jobs", created));
  });
  afterAll(async () => {
    await browser?.close();
    await nightbell?.[Symbol.asyncDispose]();
    await target?.[Symbol.asyncDispose]();
    await toDatabase?.[Symbol.asyncDispose]();
    await database?.[Symbol.asyncDispose]();
  });

  for (const look of looks) {
    test(`each page says so soon: ${look.screen}, ${look.scheme}`, { timeout: 90_000 }, async () => {
      const people = await Promise.all(["/jobs", `/jobs/${job.id}`, "/rules"].map(at));
      onTestFinished(async () => {
        await Promise.all(people.map((one) => one[Symbol.asyncDispose]()));
        await toDatabase.mend();
      });
      const [list, onJob] = people.map(({ page }) => page) as [Page, Page];
      await sees(onJob.getByText("Live", { exact: true }));
      for (const page of [list, onJob])
        await sees(
          page
            .getByText("Up", { exact: true })
            .or(page.getByRole("img", { name: "Up" }))
            .first(),
        );

      toDatabase.freeze();
      await Promise.all(people.map(({ page }) => banner(page).waitFor({ timeout: SOON_MS })));
      await sees(onJob.getByText("Not stored yet", { exact: true }));
      await sees(onJob.getByText("Last known"));
      const words = await follow(onJob);
      // Longer than a gap needs to be called one.
      await eventually(async () => expect((await words()).length).toBeGreaterThan(110), {
        withinMs: 20_000,
        everyMs: 200,
      });
      await people[0]?.look(`outage-list-${look.screen}-${look.scheme}`);
      await people[1]?.look(`outage-job-${look.screen}-${look.scheme}`);
      expect(await people[1]?.barriers()).toEqual([]);

      expect((await words()).filter((text) => /Live|Not probed/.test(text))).toEqual([]);
      await toDatabase.cut();
      await toDatabase.mend();
      await Promise.all(people.map(({ page }) => banner(page).waitFor({ state: "detached" })));
      await sees(onJob.getByText("Live", { exact: true }));
      expect((await words()).filter((text) => /Not probed/.test(text))).toEqual([]);
    });

    const at = async (path: string) => {
      const ida = await person(browser, nightbell.url, look);
      await ida.logIn(account);
      await ida.page.goto(path);
      await sees(ida.page.getByRole("heading", { level: 1 }));
      return ida;
    };
  }

  test("a list that is opened meanwhile shows no dashes for states it does not know", async () => {
    await using ida = await person(browser, nightbell.url);
    const { page } = ida;
    await page.route("**/api/jobs/recent**", () => undefined);
    await ida.logIn(account);
    const row = page.getByRole("row").filter({ hasText: "Assay" });
    await sees(row);
    expect(await row.textContent()).not.toContain("–");
    await ida.look("list-before-states");
  });
});

function banner(page: Page) {
  return page.getByRole("alert").getByText("has lost its database");
}

/** What the page said from now on, ten times a second. */
async function follow(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(
    "window.said = []; setInterval(() => window.said.push(document.querySelector('main').innerText), 100)",
  );
  return () => page.evaluate<string[]>("window.said");
}
