// The page of an alert whose evidence is being taken: it fills in by itself, and says what was seen and where the path ends.
import type { AlertPage, Job } from "@nightbell/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser } from "playwright-core";
import { apiClient, createDatabase, eventually, startNightbell } from "../packages/server/test/harness.js";
import { launchBrowser } from "./browser.js";
import { person, sees } from "./person.js";

const account = { email: "grace@example.org", password: "a night of long watches", name: "Grace Hopper" };
let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

test.each(["wide", "phone"] as const)("an alert's evidence comes by itself: %s", async (screen) => {
  await using database = await createDatabase();
  await using nightbell = await startNightbell({ databaseUrl: database.url });
  const client = apiClient(nightbell.url);
  await client.register(account);
  await using grace = await person(browser, nightbell.url, { screen, scheme: "dark" });
  await grace.logIn(account);
  const body = { title: "Nobody listens", type: "tcp", target: "127.0.0.1:1", cadenceSeconds: 0.5 };
  const { body: job } = await client.post<Job>("/api/jobs", body);
  const alert = await eventually(
    async () => {
      const { body: alerts } = await client.get<AlertPage>(`/api/alerts?jobId=${job.id}`);
      const [first] = alerts.data;
      if (first === undefined) throw new Error("no alert yet");
      return first;
    },
    { withinMs: 20_000, everyMs: 50 },
  );
  const { page } = grace;
  await page.goto(`/alerts/${alert.id}`);
  await sees(page.getByRole("heading", { name: "Evidence", exact: true }));
  await sees(page.getByText("0 of 10 answered"));
  await sees(page.getByText(/^10 of 10 probes failed; /));
  await sees(page.getByText(/^Evidence from default: 10 of 10 probes failed; /));
  await sees(page.getByText(/^(The path reaches|Paths are traced by ICMP|ICMP is not permitted)/).first());
  await grace.look(`alert-evidence-${screen}`);
  expect(await grace.barriers()).toEqual([]);
  expect(grace.faults).toEqual([]);
});
