// What a person is told when something is in the way: a pause, a server or a network that is away, a target of another
// type, a job that is not allowed here.
import type { Job } from "@nightbell/contract";
import type { Browser } from "playwright-core";
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
import { type Person, person, sees } from "./person.js";
import { startTarget, type Target } from "./target.js";

const account = { name: "Hedy Lamarr", email: "hedy@example.org", password: "frequencies that hop" };

describe("a person is told", () => {
  let database: TestDatabase;
  let nightbell: RunningNightbell;
  let network: Proxy;
  let browser: Browser;
  let target: Target;
  let hedy: Person;
  let job: Job;

  beforeAll(async () => {
    database = await createDatabase();
    [nightbell, browser, target] = await Promise.all([
      startNightbell({ databaseUrl: database.url, env: { NODE_ENV: "production" } }),
      launchBrowser(),
      startTarget(),
    ]);
    network = await startProxy(nightbell.url);
    const api = apiClient(nightbell.url);
    await api.register(account);
    const created = { title: "Switchboard", type: "tcp", target: target.address, cadenceSeconds: 0.5 };
    ({ body: job } = await api.post<Job>("/api/jobs", created));
    hedy = await person(browser, network.url);
    await hedy.page.goto(`/jobs/${job.id}`);
    await hedy.page.getByLabel("Email address").fill(account.email);
    await hedy.page.getByLabel("Password").fill(account.password);
    await hedy.page.keyboard.press("Enter");
    await sees(live());
  });
  afterAll(async () => {
    await browser?.close();
    await network?.[Symbol.asyncDispose]();
    await target?.[Symbol.asyncDispose]();
    await nightbell?.[Symbol.asyncDispose]();
    await database?.[Symbol.asyncDispose]();
  });

  const live = () => hedy.page.getByText("Live", { exact: true });
  const banner = (words: string) => hedy.page.getByRole("alert").getByText(words);
  const button = (name: string) => hedy.page.getByRole("button", { name, exact: true });

  test("by the mark Live only while the job measures", async () => {
    const { page } = hedy;
    await button("Pause").click();
    await sees(page.getByText("This job is paused"));
    expect(await live().count()).toBe(0);
    await page.reload();
    await sees(page.getByText("This job is paused"));
    expect(await live().count()).toBe(0);
    await button("Resume").click();
    await sees(live());
  });

  test("that the server does not answer, and when it does again", async () => {
    onTestFinished(() => network.mend());
    await network.cut();
    await sees(hedy.page.getByText("Reconnecting", { exact: true }));
    await button("Pause").click(); // Any call finds out; those that come by themselves take seconds.
    await sees(banner("Nightbell does not answer"));
    await hedy.look("job-reconnecting");
    await network.mend();
    await sees(live());
    await eventually(async () => expect(await hedy.page.getByRole("alert").count()).toBe(0));
  });

  test("that the network is away, for as long as it is", async ({ skip }) => {
    const { page } = hedy;
    if (!(await page.evaluate<boolean>("navigator.onLine"))) skip("this machine has no network to lose");
    onTestFinished(() => page.context().setOffline(false));
    await page.context().setOffline(true);
    await sees(banner("You are offline"));
    const failedCall = page.waitForEvent("requestfailed");
    await button("Try now").click();
    await failedCall;
    await sees(banner("You are offline"));
    await hedy.look("job-offline");
    const refreshed = page.waitForResponse("**/api/profile");
    await page.context().setOffline(false);
    await refreshed;
    await sees(live());
    await eventually(async () => expect(await page.getByRole("alert").count()).toBe(0));
  });

  test("the samples of a job whose chart cannot be drawn, and that it cannot", async () => {
    const { page } = hedy;
    onTestFinished(() => page.unroute("**/RttChart-*.js"));
    await page.route("**/RttChart-*.js", (route) => route.abort());
    await page.reload();
    await sees(page.getByText("The chart could not be drawn"));
    await sees(page.getByRole("table", { name: "Recent samples" }).getByRole("row").nth(2));
    await hedy.look("job-without-chart");
  });

  test("by a chart, whatever the browser calls its language", async () => {
    await using posix = await person(browser, nightbell.url, { language: "en-US@posix" });
    const { page } = posix;
    await posix.logIn(account);
    await page.goto(`/jobs/${job.id}`);
    await sees(page.getByRole("application", { name: /Round-trip times/ }));
    expect(posix.faults).toEqual([]);
  });

  test("the type that a scheme means, by choosing it", async () => {
    const { page } = hedy;
    await page.goto("/jobs/new?type=icmp");
    await page.getByRole("textbox", { name: "Host" }).fill("https://switchboard.invalid/health");
    await sees(page.getByText("This looks like a target for HTTP"));
    expect(await page.getByRole("radio", { name: /^Ping/ }).isChecked()).toBe(true);
    await page.keyboard.press("Tab");
    await eventually(async () =>
      expect(await page.getByRole("radio", { name: /^HTTP/ }).isChecked()).toBe(true),
    );
    expect(await page.getByText("This looks like a target").count()).toBe(0);
  });

  test("at the field that production knows no simulated jobs, and what to do instead", async () => {
    const { page } = hedy;
    await page.goto("/jobs/new?type=tcp");
    await page.getByLabel("Host and port").fill(target.address);
    const simulate = page.getByRole("checkbox", { name: "Simulate the answers" });
    await simulate.check();
    await button("Create job").click();
    await sees(page.getByText("The job was not created"));
    await sees(page.getByText("Untick this to measure the target."));
    await sees(simulate.and(page.locator(":focus")));
    await hedy.look("form-simulation-forbidden");
    await simulate.uncheck();
    await button("Create job").click();
    await sees(page.getByRole("heading", { name: target.address }));
  });
});
