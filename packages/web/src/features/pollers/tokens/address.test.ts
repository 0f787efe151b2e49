import { expect, test } from "vitest";
import { addressFor } from "./address.js";

test.each(["http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000", "https://127.1.2.3"])(
  "a poller elsewhere is not told %s, which is its own machine",
  (address) => {
    expect(addressFor(new URL(address))).toEqual({
      address: "https://nightbell.example.org",
      isLoopback: true,
      isReadable: false,
    });
  },
);

test("any other address is told as it is, with a warning when it has no TLS", () => {
  expect(addressFor(new URL("https://bell.example.org:8443/pollers"))).toEqual({
    address: "https://bell.example.org:8443",
    isLoopback: false,
    isReadable: false,
  });
  expect(addressFor(new URL("http://10.0.0.5:3000"))).toMatchObject({
    address: "http://10.0.0.5:3000",
    isReadable: true,
  });
});
