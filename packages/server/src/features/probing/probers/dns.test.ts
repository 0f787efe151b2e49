import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { DnsOptions } from "@nightbell/contract";
import dnsPacket, { type Answer, type Packet } from "dns-packet";
import { afterEach, describe, expect, it } from "vitest";
import { cancellationMs, overrunMs, PROMPT_MS } from "../../../../test/promptness.js";
import { createDnsProber } from "./dns.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Reply = (bytes: Buffer) => void;

/** A DNS server that answers each query as it is told to. */
async function serve(onQuery: (query: Packet, reply: Reply, bytes: Buffer) => void): Promise<number> {
  const socket = createSocket("udp4");
  socket.on("message", (bytes: Buffer, from: RemoteInfo) => {
    onQuery(dnsPacket.decode(bytes), (answer) => socket.send(answer, from.port, from.address), bytes);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  closers.push(() => socket.close());
  return socket.address().port;
}

async function serveTcp(bytesFor: (query: Packet) => Buffer): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (bytes) => socket.end(bytesFor(dnsPacket.decode(bytes.subarray(2)))));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => server.close());
  return (server.address() as { port: number }).port;
}

const answerTo = (query: Packet, more: Partial<Packet>): Buffer =>
  dnsPacket.encode({
    type: "response",
    ...(query.id !== undefined && { id: query.id }),
    ...(query.questions && { questions: query.questions }),
    ...more,
  });

const framed = (bytes: Buffer, announced = bytes.length) =>
  Buffer.concat([Buffer.from([announced >> 8, announced & 0xff]), bytes]);

const a = (data: string, name = "example.org"): Answer => ({ type: "A", name, ttl: 60, data });

const probe = (
  target: string,
  options = {},
  signal = new AbortController().signal,
  prober = createDnsProber(),
) => prober.probe({ target, options: DnsOptions.parse(options), slot: 0, seed: "" }, signal);
const ask = (port: number, options = {}) => probe(`dns://127.0.0.1:${port}/example.org`, options);

describe("dns", () => {
  it("sends one query and measures to its answer", async () => {
    const queries: Packet[] = [];
    const port = await serve((query, reply) => {
      queries.push(query);
      reply(answerTo(query, { answers: [a("10.0.0.1"), a("10.0.0.2")] }));
    });
    const outcome = await ask(port, { expectedAnswers: ["10.0.0.2"] });
    expect(outcome).toMatchObject({ status: "success", address: "127.0.0.1", error: null });
    expect(outcome.phases).toEqual({ query: (outcome.rttUs ?? 0) / 1_000 });
    expect(queries).toHaveLength(1);
    expect(queries[0]).toMatchObject({ questions: [{ name: "example.org", type: "A" }], flag_rd: true });
  });

  it("asks once, also when nobody answers", async () => {
    let queries = 0;
    const port = await serve(() => queries++);
    expect(await ask(port, { timeoutMs: 300 })).toMatchObject({
      status: "missed",
      errorCode: "timeout",
      error: `no answer from 127.0.0.1:${port} within 300 ms (waiting for the answer)`,
    });
    expect(queries).toBe(1);
    expect(await overrunMs(50, () => ask(port, { timeoutMs: 50 }))).toBeLessThan(PROMPT_MS);
  });

  it("uses ids and ports that cannot be guessed", async () => {
    const ids = new Set<number | undefined>();
    const port = await serve((query, reply) => {
      ids.add(query.id);
      reply(answerTo(query, {}));
    });
    for (let i = 0; i < 20; i++) await ask(port);
    expect(ids.size).toBeGreaterThan(15);
  });

  it("ignores what does not belong to the query", async () => {
    const port = await serve((query, reply) => {
      reply(Buffer.from([1]));
      reply(answerTo({ ...query, id: ((query.id ?? 0) + 1) & 0xffff }, { answers: [a("6.6.6.6")] }));
      reply(
        answerTo({ ...query, questions: [{ type: "A", name: "evil.example" }] }, { answers: [a("6.6.6.6")] }),
      );
      reply(answerTo(query, { answers: [a("10.0.0.1")] }));
    });
    expect(await ask(port, { expectedAnswers: ["10.0.0.1"] })).toMatchObject({ status: "success" });
    const onlyLies = await serve((query, reply) =>
      reply(answerTo({ ...query, id: (query.id ?? 0) ^ 1 }, {})),
    );
    expect(await ask(onlyLies, { timeoutMs: 100 })).toMatchObject({
      errorCode: "timeout",
      error: expect.stringContaining("1 foreign packets ignored"),
    });
  });

  it("ignores answers from another address", async () => {
    const spoofer: Socket = createSocket("udp4");
    closers.push(() => spoofer.close());
    const real = createSocket("udp4");
    real.on("message", (bytes: Buffer, from: RemoteInfo) => {
      spoofer.send(
        answerTo(dnsPacket.decode(bytes), { answers: [a("6.6.6.6")] }),
        from.port,
        from.address,
        () =>
          real.send(answerTo(dnsPacket.decode(bytes), { answers: [a("10.0.0.1")] }), from.port, from.address),
      );
    });
    real.bind(0, "127.0.0.1");
    await once(real, "listening");
    closers.push(() => real.close());
    expect(await ask(real.address().port, { expectedAnswers: ["10.0.0.1"] })).toMatchObject({
      status: "success",
    });
  });

  const lies: [what: string, lie: (answer: Buffer) => Buffer][] = [
    ["a cut message", (answer) => answer.subarray(0, -2)],
    ["only an id", (answer) => answer.subarray(0, 2)],
    ["more answers than there are", (answer) => patch(answer, 7, 9)],
    ["a record longer than the message", (answer) => patch(answer, answer.length - 5, 200)],
    [
      "an address of five bytes",
      (answer) => Buffer.concat([patch(answer, answer.length - 5, 5), Buffer.from([1])]),
    ],
    ["a name that points to itself", (answer) => patch(patch(answer, 29, 0xc0), 30, 29)],
    ["two questions", (answer) => patch(answer, 5, 2)],
    ["the query itself", (answer) => patch(answer, 2, 0)],
  ];
  it.each(lies)("calls %s malformed", async (_, lie) => {
    const port = await serve((query, reply) => reply(lie(answerTo(query, { answers: [a("10.0.0.1")] }))));
    expect(await ask(port, { timeoutMs: 500 })).toMatchObject({
      status: "missed",
      errorCode: "dns_malformed",
    });
  });

  it("judges RCODE and answers", async () => {
    const missing = await serve((query, reply) => {
      const bytes = answerTo(query, {});
      reply(patch(bytes, 3, 3));
    });
    expect(await ask(missing)).toMatchObject({
      status: "missed",
      errorCode: "dns_rcode",
      error: `127.0.0.1:${missing}, asked for A of example.org, answered NXDOMAIN, expected NOERROR`,
      rttUs: expect.any(Number),
    });
    expect(await ask(missing, { expectedRcode: "NXDOMAIN" })).toMatchObject({ status: "success" });
    const wrong = await serve((query, reply) => reply(answerTo(query, { answers: [a("10.0.0.1")] })));
    expect(await ask(wrong, { expectedAnswers: ["10.0.0.9"] })).toMatchObject({
      status: "missed",
      errorCode: "dns_answer_mismatch",
      error: `127.0.0.1:${wrong}, asked for A of example.org, answered 10.0.0.1, expected 10.0.0.9`,
    });
  });

  it("adds the upper bits of EDNS to the RCODE", async () => {
    const port = await serve((query, reply) => {
      const opt = Buffer.from([0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0]);
      reply(Buffer.concat([patch(answerTo(query, {}), 11, 1), opt]));
    });
    expect(await ask(port)).toMatchObject({
      errorCode: "dns_rcode",
      error: expect.stringContaining("RCODE16"),
    });
  });

  it("says truncated instead of asking again", async () => {
    let queries = 0;
    const port = await serve((query, reply) => {
      queries++;
      reply(answerTo(query, { flags: dnsPacket.TRUNCATED_RESPONSE }));
    });
    expect(await ask(port)).toMatchObject({ status: "missed", errorCode: "dns_truncated" });
    expect(queries).toBe(1);
  });

  it("asks over TCP when told to", async () => {
    const good = await serveTcp((query) => framed(answerTo(query, { answers: [a("10.0.0.1")] })));
    const tcp = { transport: "tcp" };
    const outcome = await ask(good, { ...tcp, expectedAnswers: ["10.0.0.1"] });
    expect(outcome).toMatchObject({ status: "success" });
    expect(Object.keys(outcome.phases ?? {})).toEqual(["connect", "query"]);
    const short = await serveTcp((query) => framed(answerTo(query, {}), 60_000));
    expect(await ask(short, tcp)).toMatchObject({ errorCode: "dns_malformed" });
    const silent = await serveTcp(() => Buffer.alloc(0));
    expect(await ask(silent, tcp)).toMatchObject({ errorCode: "connection_closed" });
    const other = await serveTcp((query) => framed(answerTo({ ...query, id: (query.id ?? 0) ^ 1 }, {})));
    expect(await ask(other, tcp)).toMatchObject({ errorCode: "dns_malformed" });
  });

  it("says when no server is there", async () => {
    const port = await serve(() => undefined);
    closers.pop()?.();
    expect(await ask(port)).toMatchObject({
      status: "missed",
      errorCode: "connection_refused",
      error: `connection refused by 127.0.0.1:${port}`,
    });
    const ours = createDnsProber([`127.0.0.1:${port}`]);
    expect(await probe("example.org", {}, undefined, ours)).toMatchObject({
      status: "system_error",
      errorCode: "resolver",
    });
  });

  it("asks this machine's resolver when no server is named", async () => {
    const port = await serve((query, reply) => reply(answerTo(query, { answers: [a("10.0.0.1")] })));
    const ours = createDnsProber([`127.0.0.1:${port}`]);
    expect(await probe("dns://example.org", {}, undefined, ours)).toMatchObject({ status: "success" });
  });

  it("ends at once when cancelled", async () => {
    const port = await serve(() => undefined);
    const target = `dns://127.0.0.1:${port}/example.org`;
    expect(await cancellationMs((signal) => probe(target, {}, signal))).toBeLessThan(PROMPT_MS);
  });

  it("refuses servers at metadata addresses", async () => {
    expect(await probe("dns://169.254.169.254/example.org")).toMatchObject({ errorCode: "address_denied" });
  });
});

function patch(bytes: Buffer, offset: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[offset] = value;
  return copy;
}
