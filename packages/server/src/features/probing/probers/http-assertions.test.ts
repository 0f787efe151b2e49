import { HttpOptions } from "@nightbell/contract";
import { afterEach, describe, expect, it } from "vitest";
import { closeServers, serveHttp } from "../../../../test/servers.js";
import { transports } from "../../../../test/transports.js";
import { createHttpProber } from "./http.js";
import { createTrust } from "./tls-handshake.js";

afterEach(closeServers);

describe.each(await transports())("http assertions, through %s", (_, engine) => {
  const prober = createHttpProber(createTrust(), undefined, engine);
  const probe = (target: string, options = {}, signal = new AbortController().signal) =>
    prober.probe({ target, options: HttpOptions.parse(options), slot: 0, seed: "" }, signal);

  it("hold for headers, body and JSON", async () => {
    const port = await serveHttp((_, response) => {
      response.setHeader("X-Version", "v1.2");
      response.end(JSON.stringify({ checks: [{ status: "ok", count: 3 }], text: "grün" }));
    });
    const url = `http://127.0.0.1:${port}/`;
    const passing = [
      { kind: "header", name: "x-version", contains: "1.2" },
      { kind: "body", contains: "grün" },
      { kind: "bodyNot", contains: "error" },
      { kind: "json", path: "checks.0.status", equals: "ok" },
    ];
    expect(await probe(url, { assertions: passing })).toMatchObject({ status: "success" });
    const failing: [assertion: object, errorCode: string, error: RegExp][] = [
      [
        { kind: "header", name: "X-Version", contains: "v2" },
        "http_header",
        /X-Version: “v1.2”, expected “v2” in it$/,
      ],
      [{ kind: "header", name: "X-Other", contains: "" }, "http_header", /without the header X-Other$/],
      [{ kind: "body", contains: "rot" }, "http_body", /without “rot” in the body$/],
      [{ kind: "bodyNot", contains: "grün" }, "http_body", /with “grün” in the body$/],
      [{ kind: "json", path: "checks.0.count", equals: 4 }, "http_json", /checks.0.count = 3, expected 4$/],
      [{ kind: "json", path: "checks.1", equals: null }, "http_json", /has no checks.1$/],
      [{ kind: "json", path: "constructor", equals: null }, "http_json", /has no constructor$/],
    ];
    for (const [assertion, errorCode, error] of failing) {
      expect(await probe(url, { assertions: [assertion] })).toMatchObject({
        status: "missed",
        errorCode,
        error: expect.stringMatching(error),
        rttUs: expect.any(Number),
      });
    }
  });

  it("fail on a body that is no JSON or came encoded unasked", async () => {
    const assertions = [{ kind: "json", path: "a", equals: 1 }];
    const plain = await serveHttp((_, response) => response.end("<html>"));
    expect(await probe(`http://127.0.0.1:${plain}/`, { assertions })).toMatchObject({
      errorCode: "http_json",
    });
    const gzip = await serveHttp((_, response) => response.setHeader("Content-Encoding", "gzip").end("…"));
    expect(await probe(`http://127.0.0.1:${gzip}/`, { assertions })).toMatchObject({
      errorCode: "http_body",
    });
    expect(await probe(`http://127.0.0.1:${gzip}/`)).toMatchObject({ status: "success" });
  });
});
