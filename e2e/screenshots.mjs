// Pictures of every page and state, for looking at: node e2e/screenshots.mjs [--url http://127.0.0.1:3000] [--rows 100000] [--only list,job]
// Without --url it starts the program on fresh data. Pictures go to e2e/screenshots/<name>-<width>-<scheme>.png.
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runnerImport } from "vite";

const { values: flags } = parseArgs({
  options: {
    url: { type: "string" },
    rows: { type: "string", default: "2000" },
    only: { type: "string" },
  },
});
const folder = join(import.meta.dirname, "screenshots");
const PORT = 4_790;
const account = { name: "Mira Okafor", email: "mira@example.org", password: "a long night's watch" };

const program = flags.url === undefined ? await startProgram() : null;
const url = program?.url ?? flags.url;
// The tests' own browser; Vite reads its TypeScript.
const { module } = await runnerImport(join(import.meta.dirname, "browser.ts"));
const browser = await module.launchBrowser();
try {
  mkdirSync(folder, { recursive: true });
  if (await isNew()) await photographFirstVisit();
  const world = await makeWorld();
  for (const width of [1_440, 390]) {
    for (const scheme of ["dark", "light"]) await photographPages(width, scheme, world);
  }
} finally {
  await browser.close();
  await program?.stop();
}

async function photographFirstVisit() {
  await withPage(1_440, "dark", async (page, shoot) => {
    await page.goto("/");
    await page.getByLabel("Your name").waitFor();
    await shoot("signup");
    await page.getByLabel("Your name").fill(account.name);
    await page.getByLabel("Email address").fill(account.email);
    await page.getByLabel("Password").fill(account.password);
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByText("Measure your first target").waitFor();
    await shoot("first-steps");
    await page.goto("/alerts");
    await page.getByText("Nothing is wrong").waitFor();
    await shoot("alerts-none");
  });
}

async function photographPages(width, scheme, { busy, broken, paused, completed }) {
  await withPage(width, scheme, async (page, shoot) => {
    await page.goto("/login");
    await page.getByLabel("Email address").fill(account.email);
    await shoot("login");
    await page.getByLabel("Password").fill("not my password");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").first().waitFor();
    await shoot("login-refused");
    await page.getByLabel("Password").fill(account.password);
    await page.keyboard.press("Enter");
    await page.getByRole("table", { name: "Jobs" }).getByRole("link").first().waitFor();
    await page.waitForTimeout(1_500);
    await shoot("list");
    for (const row of [1, 2, 4]) await page.getByRole("checkbox").nth(row).click();
    await shoot("list-selected");
    await page.goto("/jobs?q=nothing+like+this");
    await page.getByText("No job matches").waitFor();
    await shoot("list-empty");
    await page.goto(`/jobs/${busy}`);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.waitForTimeout(2_500);
    await shoot("job");
    await page.locator("main").evaluate((main) => main.scrollTo(0, 620));
    await shoot("job-below");
    await page.locator("main").evaluate((main) => main.scrollTo(0, 0));
    await page.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: "Delete job" }).click();
    await shoot("job-delete");
    await page.goto(`/jobs/${broken}`);
    await page.getByRole("table", { name: "Recent samples" }).waitFor();
    await page.waitForTimeout(1_500);
    await shoot("job-broken");
    await page.goto(`/jobs/${paused}`);
    await page.getByText("Not probed", { exact: true }).waitFor();
    await shoot("job-paused");
    await page.goto(`/jobs/${completed}`);
    await page.getByText("Completed").first().waitFor();
    await page.waitForTimeout(1_500);
    await shoot("job-completed");
    await page.goto("/jobs?type=http");
    await page.getByRole("table", { name: "Jobs" }).getByRole("link").first().waitFor();
    await page.waitForTimeout(1_000);
    await shoot("list-some");
    await photographAlerts(page, shoot);
    await page.goto(`/jobs/${paused}`);
    await page.getByText("This job is paused").waitFor();
    await page.context().setOffline(true);
    await page.getByText("You are offline").waitFor();
    await shoot("offline");
    await page.context().setOffline(false);
    for (const type of ["icmp", "tcp", "udp", "websocket", "dns", "tls", "latency_api", "heartbeat"]) {
      await page.goto(`/jobs/new?type=${type}`);
      await page.getByText("Details and checks").click();
      await shoot(`form-${type}`);
    }
    await page.goto("/jobs/new?type=http");
    await page.getByLabel("URL").fill(`${url}/health`);
    await page.getByRole("button", { name: "Test now" }).click();
    await page.getByText("Success").waitFor();
    await page.getByText("Details and checks").click();
    await page.getByRole("button", { name: "Add an assertion" }).click();
    await page.getByRole("button", { name: "Create job" }).click();
    await shoot("form");
    await page.locator("main").evaluate((main) => main.scrollTo(0, 0));
    await shoot("form-top");
    await page.getByRole("link", { name: "Nightbell: jobs" }).click();
    await page.getByText("Leave without saving?").waitFor();
    await shoot("form-leave");
    await page.getByRole("button", { name: "Leave", exact: true }).click();
    await page.goto("/profile");
    await page.getByText("Appearance").waitFor();
    await shoot("profile");
    await page.goto("/nowhere");
    await shoot("lost");
  });
}

async function photographAlerts(page, shoot) {
  await page.goto("/alerts");
  const alerts = page.getByRole("list", { name: "Alerts" });
  await alerts.waitFor();
  await shoot("alerts");
  await alerts.getByRole("link").first().click();
  await page.getByText("Timeline").waitFor();
  await shoot("alert");
  await page.goto("/rules");
  const rules = page.getByRole("list", { name: "Alert rules" });
  await rules.waitFor();
  await shoot("rules");
  await rules.getByRole("link").first().click();
  await page.getByRole("button", { name: "Try it" }).click();
  await page.getByText(/^\d+ alerts?|No alert/).waitFor();
  await shoot("rule");
  await page.getByRole("button", { name: "Try it" }).scrollIntoViewIfNeeded();
  await shoot("rule-dry-run");
  await page.goto("/maintenance");
  await page.getByRole("heading", { name: "Maintenance" }).waitFor();
  await page.waitForTimeout(500);
  await shoot("maintenance");
  await page.goto("/maintenance/new");
  await page.getByRole("heading").first().waitFor();
  await shoot("maintenance-new");
  await page.goto("/pollers");
  await page.getByRole("table", { name: "Pollers" }).waitFor();
  await shoot("pollers");
}

/** Many quiet jobs for the list, and a few whose charts have everything a chart can show. */
async function makeWorld() {
  const login = await call("POST", "/api/auth/login", { email: account.email, password: account.password });
  const headers = { authorization: `Bearer ${login.token}` };
  const known = await call("GET", "/api/jobs?search=Checkout%20API&limit=1", undefined, headers);
  if (known.data.length === 0) {
    for (let first = 0; first < Number(flags.rows); first += 1_000) {
      const size = Math.min(1_000, Number(flags.rows) - first);
      const jobs = Array.from({ length: size }, (_, index) => quietJob(first + index));
      await call("POST", "/api/jobs/import", { jobs }, headers);
    }
    for (const job of livelyJobs()) await call("POST", "/api/jobs", job, headers);
    await new Promise((resolve) => setTimeout(resolve, 45_000));
  }
  const idOf = async (title) => {
    const query = `/api/jobs?search=${encodeURIComponent(title)}&limit=1`;
    return (await call("GET", query, undefined, headers)).data[0].id;
  };
  const paused = await idOf("Own port");
  await call("POST", `/api/jobs/${paused}/pause`, undefined, headers).catch(() => "it is paused already");
  const [busy, broken, completed] = await Promise.all(
    ["Checkout API", "Nobody listens", "Half a minute"].map(idOf),
  );
  return { busy, broken, paused, completed };
}

function quietJob(index) {
  const kinds = [
    ["icmp", `192.0.2.${index % 255}`, "Edge router"],
    ["tcp", `db-${index}.example.org:5432`, "Database"],
    ["http", `https://site-${index}.example.org/health`, "Website"],
    ["dns", `dns://192.0.2.53/host-${index}.example.org`, "Name of host"],
    ["tls", `portal-${index}.example.org:443`, "Certificate of portal"],
  ];
  const [type, target, name] = kinds[index % kinds.length];
  return { title: `${name} ${index}`, type, target, cadenceSeconds: 86_400, monitoringMode: "simulated" };
}

function livelyJobs() {
  const simulated = { monitoringMode: "simulated", cadenceSeconds: 0.5 };
  const trouble = { lossPercent: 3, systemErrorPercent: 1.5, outageEverySeconds: 20, outageSeconds: 3 };
  const here = new URL(url);
  return [
    { title: "Loopback", type: "icmp", target: "127.0.0.1", cadenceSeconds: 1 },
    { title: "This Nightbell", type: "http", target: `${url}/health`, cadenceSeconds: 1 },
    { title: "Nobody listens", type: "tcp", target: "127.0.0.1:9", cadenceSeconds: 1 },
    { title: "Own port", type: "tcp", target: here.host, cadenceSeconds: 2 },
    { title: "Half a minute", type: "icmp", target: "127.0.0.1", cadenceSeconds: 0.5, durationSeconds: 30 },
    {
      ...simulated,
      title: "Certificate of the customer portal with a title that is far too long for any row of a list",
      type: "tls",
      target: "a-very-long-name-of-a-portal.customers.eu-central.example.org:443",
      simulation: { latencyMs: 310, jitterMs: 60, lossPercent: 12 },
    },
    {
      ...simulated,
      title: "Checkout API",
      type: "http",
      target: "https://checkout.example.org/health",
      simulation: { latencyMs: 38, jitterMs: 7, ...trouble },
      thresholds: { warningRttMs: 52, criticalRttMs: 90, lossPercent: 2 },
    },
  ];
}

async function withPage(width, scheme, visit) {
  const context = await browser.newContext({
    baseURL: url,
    viewport: width < 500 ? { width, height: 844 } : { width, height: 900 },
    deviceScaleFactor: width < 500 ? 2 : 1,
    hasTouch: width < 500,
    colorScheme: scheme,
    reducedMotion: "reduce",
    timezoneId: "Europe/Berlin",
    locale: "en-GB",
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => process.stderr.write(`${page.url()}: ${error.message}\n`));
  page.on("console", (message) => {
    if (message.type() === "error") process.stderr.write(`${page.url()}: ${message.text()}\n`);
  });
  const wanted = flags.only?.split(",");
  await visit(page, async (name) => {
    if (wanted !== undefined && !wanted.some((part) => name.startsWith(part))) return;
    await page.waitForTimeout(250);
    await page.screenshot({ path: join(folder, `${name}-${width}-${scheme}.png`) });
  });
  await context.close();
}

async function isNew() {
  return (await call("GET", "/api/setup")).needsFirstAccount;
}

async function call(method, path, body, headers = {}) {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(url + path, {
    method,
    headers: body === undefined ? headers : { ...headers, "content-type": "application/json" },
    ...sent,
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function startProgram() {
  const data = mkdtempSync(join(tmpdir(), "nightbell-screenshots-"));
  // Started by root, Postgres runs as another user.
  chmodSync(data, 0o755);
  const command = join(import.meta.dirname, "..", "packages", "server", "bin", "nightbell.mjs");
  const child = spawn(process.execPath, [command, "up"], {
    env: { ...process.env, NODE_ENV: "development", PORT: String(PORT), NIGHTBELL_DATA_DIR: data },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const address = `http://127.0.0.1:${PORT}`;
  for (let tries = 0; !(await isUp(address)); tries += 1) {
    if (tries > 300 || child.exitCode !== null) throw new Error("the program did not start");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const stop = async () => {
    child.kill("SIGTERM");
    await new Promise((resolve) => child.once("exit", resolve));
    rmSync(data, { recursive: true, force: true });
  };
  return { url: address, stop };
}

async function isUp(address) {
  try {
    return (await fetch(`${address}/ready`)).ok;
  } catch {
    return false;
  }
}
