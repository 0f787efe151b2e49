// Every page, in both colour schemes and on a phone: usable by everybody, without errors, and a picture of each kept.
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  apiClient,
  createDatabase,
  eventually,
  type RunningNightbell,
  startNightbell,
  type TestDatabase,
} from "../packages/server/test/harness.js";
import type { Job, SamplePage, Summary } from "@nightbell/contract";
import { launchBrowser } from "./browser.js";
import { type Person, person, type PersonOptions, sees } from "./person.js";

/** Rows enough that a list which draws them all would be slow; the API takes them by the thousand. */
const JOBS = 3_000;
const looks: PersonOptions[] = [
  { screen: "wide", scheme: "light" },
  { screen: "wide", scheme: "dark" },
  { screen: "phone", scheme: "dark" },
];

describe("the pages", () => {
  let database: TestDatabase;
  let nightbell: RunningNightbell;
  let browser: Browser;
  let job: Job;
  /** Of two locations, at one of which nobody measures; down, which a maintenance window accounts for. */
  let shared: Job;
  const account = { email: "mary@example.org", password: "a night of long watches", name: "Mary Somerville" };

  beforeAll(async () => {
    database = await createDatabase();
    [nightbell, browser] = await Promise.all([
      startNightbell({ databaseUrl: database.url }),
      launchBrowser(),
    ]);
    const api = apiClient(nightbell.url);
    await api.register(account);
    for (let first = 0; first < JOBS; first += 1_000) {
      await api.post("/api/jobs/import", {
        jobs: Array.from({ length: 1_000 }, (_, index) => quietJob(first + index)),
      });
    }
    ({ body: job } = await api.post<Job>("/api/jobs", lively));
    await api.post("/api/poller-tokens", { name: "Rack 4, Vienna", location: "branch-office" });
    ({ body: shared } = await api.post<Job>("/api/jobs", {
      ...lively,
      title: "Checkout, from two places",
      locations: ["default", "branch-office"],
      simulation: { lossPercent: 100 },
    }));
    await api.post("/api/maintenance-windows", {
      name: "Move to a new rack",
      selector: { kind: "jobs", jobIds: [shared.id] },
      schedule: { kind: "once", from: instant(-60_000), to: instant(3_600_000) },
    });
    await api.post("/api/maintenance-windows", {
      name: "Sunday updates",
      schedule: { kind: "recurring", cron: "0 2 * * SUN", durationMinutes: 90, timeZone: "Europe/Vienna" },
    });
    await eventually(
      async () => {
        const samples = await api.get<SamplePage>(`/api/jobs/${job.id}/samples`);
        const hasOutage = samples.body.data.some(({ status }) => status === "missed");
        if (!hasOutage || samples.body.data.length < 60)
          throw new Error("the chart would show too little yet");
      },
      { withinMs: 60_000, everyMs: 250 },
    );
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await nightbell?.[Symbol.asyncDispose]();
    await database?.[Symbol.asyncDispose]();
  });

  const logIn = async (mary: Person) => {
    await mary.logIn(account);
    await sees(mary.page.getByRole("table", { name: "Jobs" }).getByRole("link").first());
  };

  for (const look of looks) {
    test(`are usable and free of errors: ${look.screen}, ${look.scheme}`, { timeout: 120_000 }, async () => {
      await using mary = await person(browser, nightbell.url, look);
      const { page } = mary;
      const visit = async (name: string, path: string, shown: () => Promise<void>) => {
        await page.goto(path);
        await shown();
        await mary.look(`${name}-${look.screen}-${look.scheme}`);
        expect.soft(await mary.barriers(), name).toEqual([]);
        expect.soft(await overflow(mary), `${name} scrolls sideways`).toBe(0);
      };
      await visit("login", "/login", () => sees(page.getByRole("heading", { name: "Welcome back" })));
      await visit("signup", "/signup", () => sees(page.getByRole("heading").first()));
      await logIn(mary);
      await visit("list", "/jobs", () => sees(page.getByText(lively.title)));
      await visit("empty", "/jobs?q=nothing-like-this", () => sees(page.getByText("No job matches")));
      await visit("form", "/jobs/new", () => sees(page.getByRole("button", { name: "Create job" })));
      await visit("job", `/jobs/${job.id}`, async () => {
        await sees(page.getByText("Live", { exact: true }));
        await sees(page.getByRole("application", { name: /Round-trip times/ }));
        await sees(page.getByRole("table", { name: "Recent samples" }).getByRole("row").nth(5));
      });
      await visit("two-locations", `/jobs/${shared.id}`, async () => {
        await sees(page.getByText("Nothing measures from branch-office"));
        const samples = page.getByRole("table", { name: "Recent samples" });
        await sees(samples.getByRole("cell", { name: "default", exact: true }).nth(5));
        await page.getByRole("heading", { name: "Recent samples" }).scrollIntoViewIfNeeded();
      });
      await visit("edit", `/jobs/${job.id}/edit`, () =>
        sees(page.getByRole("button", { name: "Save changes" })),
      );
      await visit("pollers", "/pollers", async () => {
        await sees(page.getByText("Active", { exact: true }));
        await sees(page.getByRole("list", { name: "Tokens of remote pollers" }).getByText("Rack 4, Vienna"));
      });
      await visit("poller-token", "/pollers", async () => {
        await page.getByRole("button", { name: "New token" }).click();
        await page.getByRole("button", { name: "Make it" }).click();
        await sees(page.getByText("must not be empty"));
        await page.getByLabel("Name").fill("The cupboard under the stairs");
        await page.getByLabel("Location").fill("default");
        await page.getByRole("button", { name: "Make it" }).click();
        await sees(page.getByText("choose another name"));
        await page.getByLabel("Location").fill("home");
        await page.getByRole("button", { name: "Make it" }).click();
        await sees(
          page.getByText(
            /^NIGHTBELL_POLLER_TOKEN=nbp_\S+ node packages\/server\/bin\/nightbell\.mjs poller --url https:\/\/nightbell\.example\.org$/,
          ),
        );
      });
      await page.getByRole("button", { name: "Done" }).click();
      await page.getByRole("button", { name: "Revoke The cupboard under the stairs" }).click();
      await page.getByRole("button", { name: "Revoke it" }).click();
      await sees(page.getByText("The cupboard under the stairs is revoked"));
      await visit("alerts", "/alerts?show=all", () =>
        sees(page.getByText("held back by the window “Move to a new rack”")),
      );
      await visit("no-alerts", `/alerts`, () => sees(page.getByRole("heading", { name: "Alerts" })));
      await visit("alert", "/alerts?show=all", async () => {
        await page.getByRole("link", { name: lively.title }).first().click();
        await sees(page.getByText(/^Raised: /));
        await sees(page.getByRole("heading", { name: "Evidence", exact: true }));
      });
      await visit("rules", "/rules", () =>
        sees(page.getByRole("list", { name: "Alert rules" }).getByRole("link", { name: "No answer" })),
      );
      await visit("rule", "/rules", async () => {
        await page.getByRole("link", { name: "No answer" }).click();
        await page.getByRole("button", { name: "Try it" }).click();
        await sees(page.getByText(/^\d+ alerts? of /));
      });
      await visit("new-rule", "/rules/new", async () => {
        await page.getByLabel("Condition").selectOption("latency");
        await page.getByRole("radio", { name: "Chosen jobs" }).click();
        await page.getByLabel("Add a job").fill("Checkout");
        await page.getByRole("button", { name: /^Checkout, eu-west/ }).click();
        await page.getByRole("button", { name: "Create rule" }).click();
        await sees(page.getByText("must not be empty"));
      });
      await visit("maintenance", "/maintenance", () =>
        sees(page.getByRole("link", { name: "Sunday updates" })),
      );
      await visit("window", "/maintenance/new", () =>
        sees(page.getByRole("button", { name: "Create window" })),
      );
      await visit("profile", "/profile", () => sees(page.getByRole("heading").first()));
      await visit("lost", "/nowhere", () => sees(page.getByRole("heading").first()));
      expect(mary.faults).toEqual([]);
    });
  }

  test("the list of thousands scrolls to its end and draws only what is seen", async () => {
    await using mary = await person(browser, nightbell.url);
    const { page } = mary;
    await logIn(mary);
    const rows = page.getByRole("table", { name: "Jobs" }).getByRole("row");
    await sees(page.getByText("3,002 jobs"));
    await page.getByRole("table", { name: "Jobs" }).hover();
    await eventually(async () => {
      await page.mouse.wheel(0, 50_000);
      expect(await rows.last().getAttribute("aria-rowindex")).toBe(String(JOBS + 3));
    });
    await sees(rows.last().getByRole("link", { name: "Quiet host 0" }));
    expect(await rows.count()).toBeLessThan(80);
    await page.getByRole("searchbox").fill("host 1234");
    await sees(page.getByText("1 job", { exact: true }));
    await sees(rows.getByRole("link", { name: "Quiet host 1234" }));
    expect(mary.faults).toEqual([]);
  });

  test.runIf(process.env["UPDATE_IMAGES"])("the README's picture", { timeout: 150_000 }, async () => {
    await using shop = await startShop();
    const api = apiClient(nightbell.url);
    await api.login(account);
    const { body: shown } = await api.post<Job>("/api/jobs", { ...lively, ...shop.job });
    await eventually(
      async () => {
        const summary = await api.get<Summary>(`/api/jobs/${shown.id}/summary`);
        if (summary.body.sampleCount < 400) throw new Error("a picture wants a minute or two of samples");
      },
      { withinMs: 120_000, everyMs: 1_000 },
    );
    await using mary = await person(browser, nightbell.url, { scheme: "dark" });
    await logIn(mary);
    await mary.page.goto(`/jobs/${shown.id}`);
    await sees(mary.page.getByText("Live", { exact: true }));
    await sees(mary.page.getByRole("application", { name: /Round-trip times/ }));
    await writeFile(join(import.meta.dirname, "..", "docs", "images", "job.png"), await mary.look("readme"));
  });
});

/** A real server with a life of its own: slow waves, now and then a spike, once a while no answer at all. */
async function startShop() {
  const startedAt = Date.now();
  const server = createServer((request, response) => {
    const seconds = (Date.now() - startedAt) / 1_000;
    if (seconds % 40 > 36) {
      request.socket.destroy();
      return;
    }
    const spike = Math.random() < 0.03 ? 45 : 0;
    const delayMs = 24 + 7 * Math.sin(seconds / 5) + 6 * Math.random() + spike;
    setTimeout(() => response.end("ok"), delayMs);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    job: {
      title: "Checkout",
      target: `http://127.0.0.1:${port}/health`,
      cadenceSeconds: 0.2,
      monitoringMode: "real_polling",
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function instant(fromNowMs: number): string {
  return new Date(Date.now() + fromNowMs).toISOString();
}

/** Measured once a day, so that only the list has work with them. */
function quietJob(index: number) {
  return {
    title: `Quiet host ${index}`,
    type: "icmp",
    target: "127.0.0.1",
    cadenceSeconds: 86_400,
    monitoringMode: "simulated",
  };
}

/** Everything a chart can show, in little time. */
const lively = {
  title: "Checkout, eu-west",
  type: "http",
  target: "https://checkout.example.org/health",
  cadenceSeconds: 0.1,
  monitoringMode: "simulated",
  simulation: {
    latencyMs: 38,
    jitterMs: 9,
    lossPercent: 2,
    systemErrorPercent: 1,
    outageEverySeconds: 25,
    outageSeconds: 2,
  },
  thresholds: { warningRttMs: 60, criticalRttMs: 120, lossPercent: 5 },
};

/** How far the page is wider than the screen. */
function overflow({ page }: Person): Promise<number> {
  return page
    .evaluate<number>(
      "Math.max(...[...document.querySelectorAll('html, main')].map((one) => one.scrollWidth - one.clientWidth))",
    )
    .then((width) => Math.max(0, width));
}
