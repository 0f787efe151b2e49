import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { LatencyApiOptions } from "@nightbell/contract";
import { afterEach, describe, expect, it } from "vitest";
import { cancellationMs, overrunMs, PROMPT_MS } from "../../../../test/promptness.js";
import { createLatencyApiProber } from "./latency-api.js";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const answer = (body: unknown, status = 200) =>
  serve((_, response) =>
    response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body)),
  );

const probe = (url: string, options = {}, signal = new AbortController().signal, target = "192.0.2.10") =>
  createLatencyApiProber(url).probe(
    { target, options: LatencyApiOptions.parse(options), slot: 0, seed: "" },
    signal,
  );

describe("latency_api", () => {
  it("posts the target and takes the service's figure", async () => {
    const seen: unknown[] = [];
    const url = await serve((request, response) => {
      request.setEncoding("utf8").on("data", (body: string) => {
        seen.push([request.method, request.url, JSON.parse(body)]);
        response.end(JSON.stringify({ status: "success", rttMs: 12.3456 }));
      });
    });
    expect(await probe(`${url}/v1/`)).toEqual({
      status: "success",
      rttUs: 12_346,
      errorCode: null,
      error: null,
      phases: null,
      address: null,
    });
    expect(seen).toEqual([["POST", "/v1/ping", { target: "192.0.2.10", timeoutMs: 4_750 }]]);
  });

  it("prefers the service of the job", async () => {
    const own = await answer({ status: "success", rttMs: 1 });
    expect(await probe("http://127.0.0.1:9", { url: own })).toMatchObject({ status: "success" });
  });

  it("counts what the target did as missed", async () => {
    const outcome = await probe(await answer({ status: "timeout", rttMs: null, error: "no echo reply" }));
    expect(outcome).toMatchObject({
      status: "missed",
      errorCode: "latency_api_miss",
      error: "192.0.2.10 did not answer the latency service (timeout: no echo reply)",
    });
  });

  it.each([
    ["an error of its own", { status: "error", error: "no socket" }, 200, "latency_api_unavailable"],
    ["another status", "busy", 503, "latency_api_unavailable"],
    ["a redirect", "", 302, "latency_api_unavailable"],
    ["no JSON", "<html>", 200, "latency_api_malformed"],
    ["other JSON", [1, 2], 200, "latency_api_malformed"],
    ["success without a figure", { status: "success" }, 200, "latency_api_malformed"],
    ["a negative figure", { status: "success", rttMs: -1 }, 200, "latency_api_malformed"],
    ["an endless answer", `"${"x".repeat(100_000)}`, 200, "latency_api_malformed"],
  ])("takes %s for a failure of ours", async (_, body, status, errorCode) => {
    expect(await probe(await answer(body, status))).toMatchObject({ status: "system_error", errorCode });
  });

  it("takes a service that is away for a failure of ours", async () => {
    const url = await answer({});
    servers.pop()?.close();
    expect(await probe(url)).toMatchObject({
      status: "system_error",
      errorCode: "latency_api_unavailable",
      error: "the latency service refused the connection",
    });
  });

  it("ends at the timeout and at a cancellation", async () => {
    const url = await serve(() => undefined);
    expect(await probe(url, { timeoutMs: 100 })).toMatchObject({
      status: "system_error",
      errorCode: "latency_api_unavailable",
      error: expect.stringMatching(/^the latency service at 127.0.0.1:\d+ gave no answer within 100 ms$/),
    });
    expect(await overrunMs(100, () => probe(url, { timeoutMs: 100 }))).toBeLessThan(PROMPT_MS);
    expect(await cancellationMs((signal) => probe(url, {}, signal))).toBeLessThan(PROMPT_MS);
  });

  it("keeps to the address rules, for the target and for the service", async () => {
    const url = await answer({ status: "success", rttMs: 1 });
    expect(await probe(url, {}, undefined, "169.254.169.254")).toMatchObject({ errorCode: "address_denied" });
    expect(await probe("http://169.254.169.254")).toMatchObject({
      status: "system_error",
      errorCode: "latency_api_unavailable",
    });
  });
});
