import { describe, expect, it } from "vitest";
import { eventually } from "../../../test/harness.js";
import type { Resolution } from "./address.js";
import { NameCache } from "./name-cache.js";

const here = (address: string): Resolution => ({ ok: true, address, family: 4 });
const missing: Resolution = { ok: false, code: "name_not_found", error: "the name does not exist" };
const broken: Resolution = { ok: false, code: "resolver", error: "our resolver gave no answer" };

/** A cache whose look-ups answer what the test says, and whose time the test moves. */
function world() {
  let elapsed = 0;
  let answer: Resolution = here("192.0.2.1");
  let lookUps = 0;
  const clock = { now: () => 0, monotonic: () => elapsed };
  const cache = new NameCache(clock, async () => {
    lookUps += 1;
    return answer;
  });
  return {
    get: () => cache.get("target.example", "auto"),
    lookUps: () => lookUps,
    answers: (next: Resolution) => (answer = next),
    pass: (seconds: number) => (elapsed += seconds * 1_000),
  };
}

describe("NameCache", () => {
  it("looks a name up once and answers at once from then on", async () => {
    const { get, lookUps } = world();
    expect(await Promise.all([get(), get()])).toEqual([here("192.0.2.1"), here("192.0.2.1")]);
    expect(get()).toEqual(here("192.0.2.1"));
    expect(lookUps()).toBe(1);
  });

  it("goes on with the old address while it looks for a new one in the background", async () => {
    const { get, pass, answers } = world();
    await get();
    answers(here("192.0.2.2"));
    pass(61);
    expect(get()).toEqual(here("192.0.2.1"));
    await eventually(() => expect(get()).toEqual(here("192.0.2.2")));
  });

  it("believes at once that a name is gone, and soon that it is back", async () => {
    const { get, pass, answers } = world();
    await get();
    answers(missing);
    pass(61);
    void get();
    await eventually(() => expect(get()).toEqual(missing));
    answers(here("192.0.2.3"));
    pass(6);
    void get();
    await eventually(() => expect(get()).toEqual(here("192.0.2.3")));
  });

  it("keeps the last address for ten minutes while our own resolver is broken", async () => {
    const { get, pass, answers, lookUps } = world();
    await get();
    answers(broken);
    pass(61);
    void get();
    await eventually(() => expect(lookUps()).toBe(2));
    expect(get()).toEqual(here("192.0.2.1"));
    pass(600);
    void get();
    await eventually(() => expect(get()).toEqual(broken));
  });
});
