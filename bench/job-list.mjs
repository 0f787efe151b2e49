// The job list with 100,000 jobs in one organisation, over HTTP, one request after the other: p95 for the first page, each
// kind of filter and search, and far into the list by cursor and by page. Between any two of them the profile is asked for,
// which is two look-ups by key through the same server and pool: a yardstick that tells a slow day from a slow list.
// Also runs by itself: `node bench/job-list.mjs [--quick]`.
import { pathToFileURL } from "node:url";
import { Client } from "undici";
import { startServer } from "./shared/postgres.mjs";
import { startRole } from "./shared/program.mjs";

const JOBS = 100_000;
/** Jobs of other organisations in the same tables. */
const OTHERS = 20_000;
const BUDGET_MS = 10;
const REQUESTS = 400;
const QUICK_REQUESTS = 60;
/** Before the first scenario, until the program's code is compiled; and before each, until its pages are in memory. */
const FIRST_WARM_UP = 300;
const WARM_UP = 20;
const LIMIT = 50;
const LAST_PAGE = JOBS / LIMIT;

/** Each gives the query of its n-th request; `cursor` is one that lies in the middle of the list. */
const scenarios = [
  { name: "first page", query: () => "" },
  { name: "filter by status", query: (n) => `status=${pick(["running", "paused", "cancelled"], n)}` },
  { name: "filter by type and status", query: (n) => `type=${pick(["dns", "tls"], n)}&status=paused` },
  { name: "search, few matches", query: (n) => `search=${hex(n).slice(0, 4)}` },
  { name: "search for an address", query: (n) => `search=10.0.${n % 256}.` },
  { name: "search, many matches", query: (n) => `search=${pick(["checkout", "eu-west", "api"], n)}` },
  { name: "search, no match", query: (n) => `search=zq${hex(n).slice(0, 3)}` },
  { name: "sorted by title", query: (n) => `sort=title&page=${1 + (n % 20)}` },
  { name: "deep cursor", query: (_n, cursor) => `cursor=${cursor}`, follows: true },
  { name: "deep page", query: (n) => `page=${LAST_PAGE - (n % 100)}` },
];

export async function run({ quick = false } = {}) {
  const server = await startServer();
  const database = await server.open("jobs");
  const api = startRole("api", database.url, { RATE_LIMIT_PER_SECOND: "100000" });
  try {
    const client = new Client(await api.url());
    const token = await fill(client, database.pool);
    for (let n = 0; n < FIRST_WARM_UP; n++) await list(client, token, "");
    const rows = [];
    for (const scenario of scenarios) {
      const { own, profile } = await measure(client, token, scenario, quick ? QUICK_REQUESTS : REQUESTS);
      const { p50, p95, max } = own;
      rows.push({
        name: `job list, ${JOBS.toLocaleString("en")} jobs: ${scenario.name} (p95)`,
        value: p95,
        unit: "ms",
        budget: `≤ ${BUDGET_MS} ms`,
        peer: "GET /api/profile",
        peerValue: profile.p95,
        ratio: p95 / profile.p95,
        ok: p95 <= BUDGET_MS,
        note: `p50 ${p50.toFixed(1)} ms, max ${max.toFixed(1)} ms`,
      });
    }
    await client.close();
    return rows;
  } finally {
    await api.stop();
    await server.close();
  }
}

async function measure(client, token, { query, follows }, requests) {
  let cursor = (await list(client, token, `page=${LAST_PAGE / 2}`)).pagination.nextCursor;
  const own = [];
  const profile = [];
  for (let n = 0; n < WARM_UP + requests; n++) {
    const { pagination } = await timed(n < WARM_UP ? [] : own, () => list(client, token, query(n, cursor)));
    if (follows) cursor = pagination.nextCursor ?? cursor;
    await timed(n < WARM_UP ? [] : profile, () => call(client, "GET", "/api/profile", token));
  }
  return { own: quantiles(own), profile: quantiles(profile) };
}

async function timed(times, ask) {
  const startedAt = performance.now();
  const answer = await ask();
  times.push(performance.now() - startedAt);
  return answer;
}

function quantiles(times) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { p50: at(0.5), p95: at(0.95), max: sorted.at(-1) };
}

async function list(client, token, query) {
  return call(client, "GET", `/api/jobs?limit=${LIMIT}&${query}`, token);
}

async function call(client, method, path, token, body) {
  const { statusCode, body: answer } = await client.request({
    method,
    path,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.text();
  if (statusCode >= 300) throw new Error(`${method} ${path} answered ${statusCode}: ${text}`);
  return JSON.parse(text);
}

/** One account with all the jobs, beside jobs of others; statistics as autovacuum would have made them. */
async function fill(client, database) {
  const account = { email: "bench@example.com", password: "correct horse battery", name: "Bench" };
  const { token, user } = await call(client, "POST", "/api/auth/register", null, account);
  await call(client, "POST", "/api/jobs", token, {
    title: "model",
    type: "icmp",
    target: "10.0.0.1",
    cadenceSeconds: 10,
  });
  await insertJobs(database, user);
  return token;
}

async function insertJobs(database, user) {
  await database.query("insert into organisations (id, name) values (gen_random_uuid(), 'others')");
  await database.query(
    `insert into jobs (id, organisation_id, requester_id, title, type, target, options, cadence_ms, monitoring_mode,
       simulation, locations, thresholds, status, created_at)
     select gen_random_uuid(), case when n <= $1::int then $2::uuid else others.id end,
       case when n <= $1::int then $3::uuid end,
       (array['Checkout','Search','Login','Billing','Gateway','Mail','Cache','Database'])[1 + n % 8] || ' ' ||
         (array['eu-west','us-east','ap-south','eu-north'])[1 + n / 8 % 4] || ' api ' || left(md5(n::text), 8),
       (array['icmp','tcp','http','dns','tls','latency_api'])[1 + n * 7 % 6],
       '10.' || n / 65536 % 256 || '.' || n / 256 % 256 || '.' || n % 256,
       options, (array[1000, 10000, 60000])[1 + n % 3], monitoring_mode, simulation, locations, thresholds,
       (array['running','running','running','running','running','running','running','paused','completed','cancelled'])
         [1 + n / 3 % 10],
       now() - n * interval '1 second'
     from jobs as model, (select id from organisations where name = 'others') as others,
       generate_series(1, $1::int + $4::int) as n
     where model.title = 'model'`,
    [JOBS, user.organisation.id, user.id, OTHERS],
  );
  await database.query("vacuum analyze jobs");
  await database.query("vacuum analyze job_texts");
}

function pick(values, n) {
  return values[n % values.length];
}

/** Digits such as those in the titles, different for each n. */
function hex(n) {
  return ((n * 2_654_435_761) >>> 0).toString(16).padStart(8, "0");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.table(await run({ quick: process.argv.includes("--quick") }));
}
