import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { optionsByType } from "@nightbell/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cancellationMs, overrunMs, PROMPT_MS } from "../../../../test/promptness.js";
import type { ProbeOutcome } from "../prober.js";
import { createProbers, type Probers } from "./index.js";

/** A target of each type whose name nobody resolves. */
const unresolved: Record<keyof Probers, string> = {
  tcp: "silent.example:80",
  udp: "silent.example:80",
  http: "http://silent.example/",
  websocket: "ws://silent.example/",
  dns: "dns://silent.example/name.example",
  tls: "silent.example",
  latency_api: "192.0.2.1",
};
const types = Object.keys(unresolved) as (keyof Probers)[];

describe("every prober", () => {
  let silent: Socket;
  let probers: Probers;

  beforeAll(async () => {
    silent = createSocket("udp4");
    silent.bind(0, "127.0.0.1");
    await once(silent, "listening");
    const nameServers = [`127.0.0.1:${silent.address().port}`];
    probers = createProbers({ latencyApiUrl: "http://silent.example", nameServers });
  });
  afterAll(() => silent.close());

  /** The options are of the type, which the compiler cannot follow through a variable. */
  function probe(type: keyof Probers, target: string, timeoutMs: number, signal: AbortSignal) {
    const prober = probers[type] as { probe(request: object, signal: AbortSignal): Promise<ProbeOutcome> };
    const options = optionsByType[type].parse({ timeoutMs });
    return prober.probe({ target, options, slot: 0, seed: "" }, signal);
  }

  it.each(types)("%s ends in time when the resolver is silent, as a failure of ours", async (type) => {
    const { signal } = new AbortController();
    const tryOnce = () => probe(type, unresolved[type], 100, signal);
    expect(await overrunMs(100, tryOnce)).toBeLessThan(PROMPT_MS);
    expect(await tryOnce()).toMatchObject({
      status: "system_error",
      errorCode: type === "latency_api" ? "latency_api_unavailable" : "resolver",
      rttUs: null,
    });
  });

  it.each(types)("%s ends at once when cancelled during name resolution", async (type) => {
    const tryOnce = (signal: AbortSignal) => probe(type, unresolved[type], 5_000, signal);
    expect(await cancellationMs(tryOnce)).toBeLessThan(PROMPT_MS);
    expect(await tryOnce(AbortSignal.timeout(20))).toMatchObject({
      status: "system_error",
      errorCode: "cancelled",
    });
  });

  it.each(types)("%s answers, not throws, on a target that nobody checked", async (type) => {
    const outcome = await probe(type, "; rm -rf /", 1_000, new AbortController().signal);
    expect(outcome).toMatchObject({ status: "system_error", errorCode: "internal" });
  });
});
