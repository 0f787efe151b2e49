import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HttpFormatError, Http1Reader } from "./http1-reader.js";

/** What a reader made of the parts and, at the end, of the close; a format error by its message. */
function read(parts: Buffer[], method = "GET") {
  const reader = new Http1Reader(method);
  try {
    for (const part of parts) reader.push(part);
  } catch (error) {
    if (error instanceof HttpFormatError) return error.message;
    throw error;
  }
  const isWhole = reader.isWhole;
  const endsWhole = reader.end();
  return {
    isWhole,
    endsWhole,
    status: reader.head?.status,
    headers: Object.fromEntries(reader.head?.headers ?? []),
    body: reader.body.toString("latin1"),
  };
}

const answer = (text: string, method?: string) => read([Buffer.from(text, "latin1")], method);

/** A text cut at the given places. */
function cut(text: string, places: number[]): Buffer[] {
  const bytes = Buffer.from(text, "latin1");
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

const whole = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nX-A:\t2 \r\n\r\nhello",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.0 404\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;ext=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
  "HTTP/1.1 204 No Content\r\n\r\n",
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nanything",
];

describe("reading an HTTP/1.1 answer", () => {
  it("joins repeated headers and takes the body by its length", () => {
    expect(answer(whole[0] ?? "")).toEqual({
      isWhole: true,
      endsWhole: true,
      status: 200,
      headers: { "content-length": "5", "x-a": "1, 2" },
      body: "hello",
    });
  });

  it("takes the body by its chunks, past interim answers, or up to the close", () => {
    expect(answer(whole[1] ?? "")).toMatchObject({ status: 404, isWhole: true, body: "" });
    expect(answer(whole[2] ?? "")).toMatchObject({ isWhole: true, body: "hello0123456789" });
    const untilClose = answer("HTTP/1.0 200 OK\r\n\r\nall of it");
    expect(untilClose).toMatchObject({ isWhole: false, endsWhole: true, body: "all of it" });
    expect(answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")).toMatchObject({ endsWhole: false });
    expect(answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD")).toMatchObject({ isWhole: true });
  });

  it.each([
    ["SSH-2.0-OpenSSH_9.2\r\n", "it does not begin with HTTP/1"],
    ["H\r\n", "it does not begin with HTTP/1"],
    ["HTTP/2.0 200 OK\r\n\r\n", "it does not begin with HTTP/1"],
    ["HTTP/1.1 20 OK\r\n\r\n", "its status line is malformed"],
    ["HTTP/1.1 600 OK\r\n\r\n", "its status line is malformed"],
    ["HTTP/1.1 200 OK\r\nA: 1\nB: 2\r\n\r\n", "a header is malformed"],
    ["HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n", "a header is malformed"],
    ["HTTP/1.1 200 OK\r\nA : 1\r\n\r\n", "a header is malformed"],
    ["HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", "a header is malformed"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "its length is no number"],
    ["HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "its length is no number"],
    [
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "it has both a length and a transfer coding",
    ],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "a chunk has no size"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "a chunk has no size"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n", "a chunk has no size"],
    [
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n",
      "a chunk is longer than its size",
    ],
    [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;${"x".repeat(2_000)}`, "a chunk has no size"],
    [`HTTP/1.1 200 OK\r\nA: ${"x".repeat(40_000)}`, "its head has more than 32768 bytes"],
    ["HTTP/1.1 100 Continue\r\n\r\n".repeat(2_000), "its head has more than 32768 bytes"],
  ])("refuses %j", (text, message) => expect(answer(text)).toBe(message));

  it("reads the same however the bytes arrive", () => {
    fc.assert(
      fc.property(fc.constantFrom(...whole), fc.array(fc.nat(), { maxLength: 20 }), (text, places) => {
        expect(read(cut(text, places))).toEqual(answer(text));
      }),
      { numRuns: 1_000 },
    );
  });

  it("survives every sequence of bytes, and every change to a good answer", () => {
    const change = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(
        fc.constantFrom(...whole),
        fc.array(change, { maxLength: 5 }),
        fc.array(fc.nat()),
        (text, changes, places) => {
          const bytes = Buffer.from(text, "latin1");
          for (const [offset, value] of changes) bytes[offset % bytes.length] = value;
          expect(read(cut(bytes.toString("latin1"), places))).toBeDefined();
        },
      ),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (parts) => {
        expect(read(parts.map((part) => Buffer.from(part)))).toBeDefined();
      }),
    );
  });
});
