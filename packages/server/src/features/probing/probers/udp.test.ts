import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { UdpOptions } from "@nightbell/contract";
import { afterEach, describe, expect, it } from "vitest";
import { cancellationMs, overrunMs, PROMPT_MS } from "../../../../test/promptness.js";
import { createUdpProber } from "./udp.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Reply = (answer: string | Buffer) => void;

/** A server that does with each datagram what it is told to. */
async function serve(
  onDatagram: (bytes: Buffer, reply: Reply, from: RemoteInfo) => void,
  address = "127.0.0.1",
) {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.on("message", (bytes: Buffer, from: RemoteInfo) => {
    onDatagram(bytes, (answer) => socket.send(answer, from.port, from.address), from);
  });
  socket.bind(0, address);
  await once(socket, "listening");
  closers.push(() => socket.close());
  return socket.address().port;
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

const prober = createUdpProber();
const probe = (target: string, options = {}, signal = new AbortController().signal) =>
  prober.probe({ target, options: UdpOptions.parse(options), slot: 0, seed: "" }, signal);
const ask = (port: number, options = {}) => probe(`127.0.0.1:${port}`, options);

describe("udp", () => {
  it("sends one datagram and measures to its answer", async () => {
    const received: string[] = [];
    const port = await serve((bytes, reply) => {
      received.push(bytes.toString());
      reply("pong");
    });
    const outcome = await probe(`udp://localhost:${port}`, { payload: "ping ü" });
    expect(outcome).toMatchObject({ status: "success", address: "127.0.0.1", error: null });
    expect(outcome.rttUs).toBeGreaterThan(0);
    expect(outcome.phases?.["answer"]).toBe((outcome.rttUs ?? 0) / 1_000);
    expect(received).toEqual(["ping ü"]);
  });

  it("sends bytes, and a datagram without content", async () => {
    const received: string[] = [];
    const port = await serve((bytes, reply) => {
      received.push(bytes.toString("hex"));
      reply("");
    });
    expect(await ask(port, { payload: "00 FF\n0a", payloadFormat: "hex" })).toMatchObject({
      status: "success",
    });
    expect(await ask(port)).toMatchObject({ status: "success" });
    expect(received).toEqual(["00ff0a", ""]);
  });

  it("reaches IPv6", async () => {
    const port = await serve((_, reply) => reply("pong"), "::1");
    expect(await probe(`[::1]:${port}`)).toMatchObject({ status: "success", address: "::1" });
  });

  it.each([
    [{ expect: "contains", expected: "on" }, "pong"],
    [{ expect: "contains", expected: "grün" }, "alles grün"],
    [{ expect: "hexPrefix", expected: "00 fF" }, Buffer.from([0, 255, 1])],
    [{ expect: "any", expected: "ignored" }, "whatever"],
    [{ expect: "none" }, "an answer all the same"],
  ])("accepts an answer that is as expected: %j", async (options, answer) => {
    const port = await serve((_, reply) => reply(answer));
    expect(await ask(port, options)).toMatchObject({ status: "success", rttUs: expect.any(Number) });
  });

  it.each([
    [{ expect: "contains", expected: "pong" }, "busy", "answered “busy”, expected “pong” in it"],
    [{ expect: "contains", expected: "pong" }, "", "answered an empty datagram, expected “pong” in it"],
    [
      { expect: "contains", expected: "pong" },
      "x".repeat(60),
      `answered “${"x".repeat(50)}…”, expected “pong” in it`,
    ],
    [
      { expect: "hexPrefix", expected: "00ff" },
      Buffer.from([0, 254]),
      "answered 00fe, expected it to begin with 00ff",
    ],
    [
      { expect: "hexPrefix", expected: "00ff" },
      Buffer.from([0]),
      "answered 00, expected it to begin with 00ff",
    ],
  ])("misses a wrong answer, and still measures: %j", async (options, answer, error) => {
    const port = await serve((_, reply) => reply(answer));
    expect(await ask(port, options)).toMatchObject({
      status: "missed",
      errorCode: "answer_mismatch",
      error: `127.0.0.1:${port} ${error}`,
      rttUs: expect.any(Number),
    });
  });

  it("judges the first answer and no later one", async () => {
    const port = await serve((_, reply) => {
      reply("wrong");
      reply("right");
    });
    expect(await ask(port, { expect: "contains", expected: "right" })).toMatchObject({
      errorCode: "answer_mismatch",
    });
  });

  it.each(["any", "none"])("hears that a port is closed, expecting %s", async (expectation) => {
    const port = await closedPort();
    expect(await ask(port, { expect: expectation })).toMatchObject({
      status: "missed",
      errorCode: "connection_refused",
      error: `connection refused by 127.0.0.1:${port}`,
      rttUs: null,
    });
  });

  it("sends once, also when nobody answers", async () => {
    let datagrams = 0;
    const port = await serve(() => datagrams++);
    expect(await ask(port, { timeoutMs: 300 })).toMatchObject({
      status: "missed",
      errorCode: "timeout",
      error: `no answer from 127.0.0.1:${port} within 300 ms (waiting for the answer)`,
    });
    expect(datagrams).toBe(1);
    expect(await overrunMs(50, () => ask(port, { timeoutMs: 50 }))).toBeLessThan(PROMPT_MS);
  });

  it("needing no answer, succeeds without a round trip when nobody refuses", async () => {
    let datagrams = 0;
    const port = await serve(() => datagrams++);
    const startedAt = performance.now();
    expect(await ask(port, { expect: "none", timeoutMs: 300 })).toMatchObject({
      status: "success",
      rttUs: null,
      error: null,
    });
    // A refusal may come at any time up to the timeout.
    expect(performance.now() - startedAt).toBeGreaterThan(250);
    expect(datagrams).toBe(1);
  });

  it("does not hear strangers", async () => {
    const stranger = createSocket("udp4");
    closers.push(() => stranger.close());
    const port = await serve((_, __, from) => stranger.send("pong", from.port, from.address));
    expect(await ask(port, { timeoutMs: 200 })).toMatchObject({ errorCode: "timeout" });
  });

  it("quotes what a target sent without its control characters", async () => {
    const port = await serve((_, reply) => reply(Buffer.from("\u001b[31m\0")));
    const { error } = await ask(port, { expect: "contains", expected: "ok" });
    expect(error).toBe(`127.0.0.1:${port} answered 1b5b33316d00, expected “ok” in it`);
  });

  it("refuses addresses that no probe may reach", async () => {
    expect(await probe("169.254.169.254:53")).toMatchObject({
      status: "system_error",
      errorCode: "address_denied",
    });
  });

  it("ends at once when cancelled", async () => {
    const port = await serve(() => undefined);
    const tryOnce = (signal: AbortSignal) => probe(`127.0.0.1:${port}`, {}, signal);
    expect(await cancellationMs(tryOnce)).toBeLessThan(PROMPT_MS);
    expect(await tryOnce(AbortSignal.abort())).toMatchObject({ errorCode: "cancelled" });
  });
});
