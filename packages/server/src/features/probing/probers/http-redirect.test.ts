import type { IncomingMessage, ServerResponse } from "node:http";
import { HttpOptions } from "@nightbell/contract";
import { afterEach, describe, expect, it } from "vitest";
import { closeServers, serveHttp } from "../../../../test/servers.js";
import { transports } from "../../../../test/transports.js";
import { createHttpProber } from "./http.js";
import { createTrust } from "./tls-handshake.js";

const redirect = (response: ServerResponse, location: string, status = 302) =>
  response.writeHead(status, { location }).end("moved");

afterEach(closeServers);

describe.each(await transports())("http redirects, through %s", (_, engine) => {
  const prober = createHttpProber(createTrust(), undefined, engine);
  const probe = (target: string, options = {}, signal = new AbortController().signal) =>
    prober.probe({ target, options: HttpOptions.parse(options), slot: 0, seed: "" }, signal);

  it("are followed up to the limit, loops included", async () => {
    let requests = 0;
    const port = await serveHttp((request, response) => {
      requests++;
      const left = Number(request.url?.slice(1));
      if (left > 0) redirect(response, `/${left - 1}`);
      else response.end("there");
    });
    const url = (hops: number) => `http://127.0.0.1:${port}/${hops}`;
    expect(await probe(url(3), { maxRedirects: 3 })).toMatchObject({ status: "success" });
    requests = 0;
    expect(await probe(url(100), { maxRedirects: 3 })).toMatchObject({
      status: "missed",
      errorCode: "http_redirect_limit",
      error: `GET ${url(100)} was redirected more than 3 times`,
    });
    expect(requests).toBe(4);
    expect(await probe(url(1), { maxRedirects: 0 })).toMatchObject({ errorCode: "http_status" });
    expect(await probe(url(1), { expectedStatuses: [302] })).toMatchObject({ status: "success" });
  });

  it("are checked by the address rules at each hop", async () => {
    for (const location of [
      "http://169.254.169.254/latest",
      "http://[::ffff:a9fe:a9fe]/",
      "http://2852039166/",
    ]) {
      const port = await serveHttp((_, response) => redirect(response, location));
      expect(await probe(`http://127.0.0.1:${port}/`)).toMatchObject({
        status: "system_error",
        errorCode: "address_denied",
      });
    }
  });

  it("to what is no address are refused", async () => {
    for (const location of [
      "file:///etc/passwd",
      "http://user:pw@127.0.0.1/",
      "http://",
      "http://a..b/",
      "http://127.0.0.1:0/",
    ]) {
      const port = await serveHttp((_, response) => redirect(response, location));
      expect(await probe(`http://127.0.0.1:${port}/`)).toMatchObject({
        status: "missed",
        errorCode: "http_redirect_invalid",
      });
    }
  });

  it("keep secrets from other origins", async () => {
    const seen: IncomingMessage["headers"][] = [];
    const other = await serveHttp((request, response) => {
      seen.push(request.headers);
      response.end();
    });
    const port = await serveHttp((request, response) => {
      if (request.url === "/") redirect(response, "/same");
      else {
        seen.push(request.headers);
        redirect(response, `http://127.0.0.1:${other}/`);
      }
    });
    const headers = {
      Authorization: "Bearer x",
      Cookie: "a=b",
      "X-Api-Key": "secret",
      "Accept-Language": "de",
    };
    await probe(`http://127.0.0.1:${port}/`, { headers });
    expect(seen[0]).toMatchObject({ authorization: "Bearer x", cookie: "a=b", "x-api-key": "secret" });
    expect(seen[1]).toMatchObject({ "accept-language": "de" });
    expect(seen[1]).not.toHaveProperty("authorization");
    expect(seen[1]).not.toHaveProperty("cookie");
    expect(seen[1]).not.toHaveProperty("x-api-key");
  });

  it.each([
    [302, "PUT"],
    [307, "POST"],
    [308, "PATCH"],
  ])("with %i take the body of a %s to no other origin", async (status, method) => {
    const seen: string[] = [];
    const other = await serveHttp((request, response) => {
      seen.push(`${request.method} ${request.headers["content-length"] ?? "-"}`);
      response.end();
    });
    const elsewhere = `http://127.0.0.1:${other}/`;
    const port = await serveHttp((_, response) => redirect(response, elsewhere, status));
    const url = `http://127.0.0.1:${port}/`;
    expect(await probe(url, { method, body: "password=secret" })).toMatchObject({
      status: "missed",
      errorCode: "http_redirect_invalid",
      error: `${url} redirects to ${elsewhere}, another origin, to which the body is not sent; make that the target`,
    });
    expect(seen).toEqual([]);
    expect(await probe(url, { method })).toMatchObject({ status: "success" });
    expect(seen).toEqual([`${method} 0`]);
  });

  it.each([
    [301, "POST", "GET"],
    [302, "POST", "GET"],
    [302, "PUT", "PUT"],
    [303, "PUT", "GET"],
    [303, "HEAD", "HEAD"],
    [307, "POST", "POST"],
    [308, "POST", "POST"],
  ])("with %i turn %s into %s", async (status, method, expected) => {
    let seen: string | undefined;
    const port = await serveHttp((request, response) => {
      if (request.url === "/") return redirect(response, "/next", status);
      seen = `${request.method} ${request.headers["content-length"] ?? "-"}`;
      response.end();
    });
    const body = method === "HEAD" ? null : "abc";
    await probe(`http://127.0.0.1:${port}/`, { method, body });
    expect(seen).toBe(`${expected} ${expected === method && body !== null ? "3" : "-"}`);
  });
});
