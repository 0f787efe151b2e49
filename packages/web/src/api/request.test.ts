import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Setup } from "@nightbell/contract";
import { afterEach, describe, expect, test } from "vitest";
import { ApiError } from "./errors.js";
import { request } from "./request.js";

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

/** A server on loopback that answers everything alike; returns an address at it. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/setup`;
}

function failure(call: Promise<unknown>): Promise<ApiError> {
  return call.then(
    () => Promise.reject(new Error("the call succeeded")),
    (error: unknown) => (error instanceof ApiError ? error : Promise.reject(error)),
  );
}

describe("a call of the API", () => {
  test("answers what the contract says", async () => {
    const url = await serve((_request, response) =>
      response.end('{"needsFirstAccount":true,"registrationOpen":false,"more":1}'),
    );
    expect(await request({ url, answer: Setup })).toEqual({
      needsFirstAccount: true,
      registrationOpen: false,
    });
  });

  test("sends the version it was based on", async () => {
    const url = await serve((incoming, response) =>
      response.end(
        JSON.stringify({ needsFirstAccount: incoming.headers["if-match"] === '"7"', registrationOpen: true }),
      ),
    );
    const answer = await request({ method: "PATCH", url, body: {}, ifMatch: 7, answer: Setup });
    expect(answer.needsFirstAccount).toBe(true);
  });

  test("throws the server's problem with its fields", async () => {
    const problem = {
      type: "about:blank",
      title: "The request is not valid",
      status: 400,
      detail: "The target is wrong.",
      code: "validation_failed",
      errors: [{ path: "target", message: "must not be empty" }],
      requestId: "r-1",
    };
    const url = await serve((_request, response) => response.writeHead(400).end(JSON.stringify(problem)));
    const error = await failure(request({ url, method: "POST", body: {} }));
    expect(error).toMatchObject({
      kind: "problem",
      code: "validation_failed",
      message: "The target is wrong.",
    });
    expect(error.fieldErrors).toEqual(problem.errors);
    expect(error.isTransient).toBe(false);
  });

  test("says that nothing answers", async () => {
    const url = await serve((_request, response) => response.end());
    servers.splice(0).forEach((server) => server.close());
    const error = await failure(request({ url, answer: Setup }));
    expect(error).toMatchObject({ kind: "unreachable", isTransient: true });
  });

  test("gives up after its time", async () => {
    const url = await serve(() => undefined);
    const error = await failure(request({ url, answer: Setup, timeoutMs: 50 }));
    expect(error).toMatchObject({ kind: "timeout", isTransient: true });
    servers[0]?.closeAllConnections();
  });

  test.each(["<html>", '{"needsFirstAccount":"yes"}', ""])(
    "refuses an answer it cannot read: %s",
    async (body) => {
      const url = await serve((_request, response) => response.end(body));
      expect(await failure(request({ url, answer: Setup }))).toMatchObject({ kind: "unexpected" });
    },
  );

  test("rethrows the caller's abort", async () => {
    const url = await serve(() => undefined);
    const abort = new AbortController();
    const call = request({ url, answer: Setup, signal: abort.signal });
    abort.abort();
    await expect(call).rejects.toMatchObject({ name: "AbortError" });
    servers[0]?.closeAllConnections();
  });
});
