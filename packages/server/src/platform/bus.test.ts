import { expect, test } from "vitest";
import { createDatabase, eventually, execute } from "../../test/harness.js";
import { startProxy } from "../../test/proxy.js";
import { Bus } from "./bus.js";
import { createLogger } from "./log.js";

const log = createLogger("silent", "test");

test("passes notifications on, and after a broken connection says that some may be missing", async () => {
  await using database = await createDatabase();
  await using proxy = await startProxy(database.url);
  const received: (string | null)[] = [];
  const bus = new Bus(proxy.url, log);
  bus.subscribe("nightbell_test", (payload) => received.push(payload));
  bus.start();
  try {
    await eventually(() => expect(received).toEqual([null]));
    await execute(database.url, "notify nightbell_test, 'one'; notify nightbell_other, 'x'");
    await eventually(() => expect(received).toEqual([null, "one"]));

    await proxy.cut();
    await execute(database.url, "notify nightbell_test, 'lost'");
    await proxy.mend();
    await eventually(() => expect(received).toEqual([null, "one", null]));
    await execute(database.url, "notify nightbell_test, 'two'");
    await eventually(() => expect(received).toEqual([null, "one", null, "two"]));
  } finally {
    await bus.close();
  }
});

test("keeps trying while the database cannot be reached, and closes all the same", async () => {
  await using database = await createDatabase();
  await using proxy = await startProxy(database.url);
  await proxy.cut();
  const received: (string | null)[] = [];
  const bus = new Bus(proxy.url, log);
  bus.subscribe("nightbell_test", (payload) => received.push(payload));
  bus.start();
  await proxy.mend();
  await eventually(() => expect(received).toEqual([null]));
  await proxy.cut();
  await bus.close();
});
