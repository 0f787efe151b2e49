// What the list and a job's page say of a job: whether its target answers, since when, and that nothing is measured.
import type { Job } from "@nightbell/contract";
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
import { type Person, person, sees } from "./person.js";
import { startTarget, type Target } from "./target.js";

const account = { name: "Annie Cannon", email: "annie@example.org", password: "stars in their classes" };

describe("a job says", () => {
  let nightbell: RunningNightbell;
  let browser: Browser;
  let target: Target;
  let annie: Person;
  let api: ApiClient;
  let job: Job;

  beforeAll(async () => {
    [nightbell, browser, target] = await Promise.all([startNightbell(), launchBrowser(), startTarget()]);
    api = apiClient(nightbell.url);
    await api.register(account);
    annie = await person(browser, nightbell.url);
    await annie.logIn(account);
  });
  afterAll(async () => {
    await browser?.close();
    await target?.[Symbol.asyncDispose]();
    await nightbell?.[Symbol.asyncDispose]();
  });

  const create = async (body: object): Promise<Job> =>
    (await api.post<Job>("/api/jobs", { cadenceSeconds: 0.2, ...body })).body;
  const row = (title: string) =>
    annie.page.getByRole("table", { name: "Jobs" }).getByRole("row", { name: `Select ${title}` });
  /** The word beside the status in the head of the job's page. */
  const health = (word: string) => annie.page.getByRole("status").getByText(word, { exact: true });

  test("since when its chart goes, when it is younger than the chosen range", async () => {
    const { page } = annie;
    job = await create({ title: target.address, type: "tcp", target: target.address });
    await page.goto(`/jobs/${job.id}`);
    await sees(page.getByText("since the job started"));
    await page.getByRole("radio", { name: "All" }).click();
    await eventually(async () => expect(await page.getByText("since the job started").count()).toBe(0));
  });

  test("its figures as soon as there are samples", async () => {
    const { page } = annie;
    const fresh = await create({
      title: "Fresh",
      type: "tcp",
      target: target.address,
      cadenceSeconds: 86_400,
    });
    await page.goto(`/jobs/${fresh.id}`);
    await sees(page.getByText("No samples yet"));
    await api.patch(`/api/jobs/${fresh.id}`, { cadenceSeconds: 0.2 });
    await sees(page.getByRole("table", { name: "Recent samples" }).getByText("Success").first());
    const median = page.locator("dl > div").filter({ hasText: "Median" }).first();
    await eventually(async () => expect(await median.textContent()).toMatch(/\d (µs|ms)/), {
      withinMs: 6_000,
    });
  });

  test("its target once, when it has no title of its own", async () => {
    await annie.page.goto("/jobs");
    await sees(row(target.address));
    expect(await row(target.address).getByText(target.address).count()).toBe(1);
  });

  test("that the target is down although the job runs, in the list and on its page", async () => {
    await sees(row(target.address).getByText("Up", { exact: true }));
    await target.off();
    await sees(row(target.address).getByText("Down", { exact: true }));
    await sees(row(target.address).getByText("Running"));
    await annie.page.goto(`/jobs/${job.id}`);
    await sees(health("Down"));
    await eventually(async () => expect(await annie.page.title()).toContain("Down: "));
    await target.on();
    await sees(health("Up"));
  });

  test("that it does not know, when the fault is ours", async () => {
    const broken = await create({
      title: "Our own fault",
      type: "icmp",
      target: "127.0.0.1",
      monitoringMode: "simulated",
      simulation: { systemErrorPercent: 100 },
    });
    await annie.page.goto(`/jobs/${broken.id}`);
    await sees(health("Unknown"));
    await annie.page.goto("/jobs");
    await sees(row("Our own fault").getByText("Unknown", { exact: true }));
  });

  test("while it is paused, that nothing is probed, and shows it as a gap", async () => {
    const { page } = annie;
    await page.goto(`/jobs/${job.id}`);
    const chart = page.getByRole("application", { name: /Round-trip times/ });
    await eventually(async () => expect(await chart.getAttribute("aria-label")).toMatch(/\d+ samples/));
    const gaps = async () =>
      Number(/(\d+) gaps?\./.exec((await chart.getAttribute("aria-label")) ?? "")?.[1]);
    const before = await gaps();
    await page.getByRole("button", { name: "Pause" }).click();
    await sees(page.getByText("Not probed", { exact: true }));
    expect(await gaps()).toBeGreaterThan(before);
    await page.getByRole("button", { name: "Resume" }).click();
    await sees(health("Up"));
  });

  test("all of it without an error behind the pages", () => {
    expect(annie.faults).toEqual([]);
  });
});
