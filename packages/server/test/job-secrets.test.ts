// What a probe sends may hold secrets: who may not edit jobs cannot read them back, wherever jobs are shown.
import { HIDDEN, type Job, type JobPage, type Problem } from "@nightbell/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ApiWorld, apiWorld } from "./api-world.js";
import type { ApiClient } from "./harness.js";

const SECRET = "s3cret-of-the-owner";
const jobs = [
  {
    type: "http",
    target: "http://127.0.0.1/",
    options: {
      method: "POST",
      headers: { authorization: SECRET, accept: "text/plain" },
      body: `{"k":"${SECRET}"}`,
    },
  },
  { type: "websocket", target: "ws://127.0.0.1/", options: { headers: { cookie: SECRET }, message: SECRET } },
  { type: "udp", target: "127.0.0.1:9", options: { payload: SECRET } },
  { type: "latency_api", target: "127.0.0.1", options: { url: `http://127.0.0.1:4402/?key=${SECRET}` } },
].map((job) => ({ title: job.type, cadenceSeconds: 60, ...job }));

let world: ApiWorld;
let owner: ApiClient;
let created: Job[];

beforeAll(async () => {
  world = await apiWorld();
  owner = await world.owner();
  created = (await owner.post<{ created: Job[] }>("/api/jobs/import", { jobs })).body.created;
});
afterAll(() => world[Symbol.asyncDispose]());

/** Another account, in the owner's organisation. */
async function member(role: "viewer" | "responder"): Promise<ApiClient> {
  const client = world.anonymous();
  const { session } = await client.register();
  const userId = session.user.id;
  const { organisation_id: organisationId } = await world.db
    .selectFrom("jobs")
    .select("organisation_id")
    .where("id", "=", created[0]?.id ?? "")
    .executeTakeFirstOrThrow();
  await world.db
    .insertInto("memberships")
    .values({ organisation_id: organisationId, user_id: userId, role })
    .execute();
  await world.db
    .updateTable("sessions")
    .set({ organisation_id: organisationId })
    .where("user_id", "=", userId)
    .execute();
  return client;
}

it("hides from viewers what a probe sends, but not which headers there are", async () => {
  const viewer = await member("viewer");
  const list = await viewer.get<JobPage>("/api/jobs?sort=title");
  expect(JSON.stringify(list.body)).not.toContain(SECRET);
  expect(list.body.data).toMatchObject([
    { options: { method: "POST", headers: { authorization: HIDDEN, accept: HIDDEN }, body: HIDDEN } },
    { options: { url: HIDDEN } },
    { options: { payload: HIDDEN } },
    { options: { headers: { cookie: HIDDEN }, message: HIDDEN } },
  ]);
  for (const { id } of created) {
    const { status, body } = await viewer.get<Job>(`/api/jobs/${id}`);
    expect(status).toBe(200);
    expect(JSON.stringify(body)).not.toContain(SECRET);
  }
});

it("shows it to those who may edit the job, and an edit of something else keeps it", async () => {
  const responder = await member("responder");
  const [job] = created;
  const path = `/api/jobs/${job?.id}`;
  expect((await responder.get<Job>(path)).body.options).toEqual(job?.options);
  const edited = await responder.patch<Job>(path, { title: "Another title" });
  expect(edited.body).toMatchObject({ title: "Another title", options: job?.options });
});

it("does not send the placeholder: what was copied by somebody who could not see it is refused", async () => {
  const refusal = await owner.post<Problem>("/api/jobs", {
    ...jobs[0],
    options: { headers: { authorization: HIDDEN }, body: HIDDEN },
  });
  expect(refusal.status).toBe(400);
  expect(refusal.body.errors?.map(({ path }) => path)).toEqual([
    "options.headers.authorization",
    "options.body",
  ]);
});

it("refuses a password in the address of a latency service", async () => {
  const refusal = await owner.post<Problem>("/api/jobs", {
    ...jobs[3],
    options: { url: "http://user:pass@127.0.0.1/" },
  });
  expect(refusal.body.errors?.map(({ path }) => path)).toEqual(["options.url"]);
});
