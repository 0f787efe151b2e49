import { statusOfError } from "@nightbell/contract";
import { describe, expect, it } from "vitest";
import { Attempt, endpointText } from "./attempt.js";
import { connectionFailure } from "./connection.js";

const current = new Attempt(1_000);
current.awaits("192.0.2.1:80", "while connecting");

describe("what an error of a socket means", () => {
  it.each([
    ["ECONNREFUSED", "missed", "connection refused by 192.0.2.1:80"],
    ["ECONNRESET", "missed", "connection reset by 192.0.2.1:80 (while connecting)"],
    ["EPIPE", "missed", "192.0.2.1:80 closed the connection (while connecting)"],
    ["ETIMEDOUT", "missed", "no answer from 192.0.2.1:80 (while connecting)"],
    ["ENETUNREACH", "missed", "a router has no way to the network of 192.0.2.1:80"],
    ["EHOSTUNREACH", "missed", "192.0.2.1:80 cannot be reached: nothing answers at the address"],
    ["EACCES", "system_error", "this machine does not permit a connection to 192.0.2.1:80"],
    ["EADDRNOTAVAIL", "system_error", "no local address or port is free to connect to 192.0.2.1:80 from"],
    ["EMFILE", "system_error", "this process has too many files open to connect; raise its limit"],
    ["EAFNOSUPPORT", "system_error", "this machine has no support for the address of 192.0.2.1:80"],
    ["EINVAL", "system_error", "a socket of ours failed (EINVAL, while connecting)"],
  ])("%s is %s: %s", (code, status, error) => {
    const cause = Object.assign(new Error(code), { code, syscall: "connect" });
    const { failure } = connectionFailure(cause, current, "192.0.2.1:80");
    expect(failure.error).toBe(error);
    expect(statusOfError(failure.code)).toBe(status);
  });

  it.each(["ENETUNREACH", "EHOSTUNREACH"])("%s out of our own routing table is ours", (code) => {
    const cause = Object.assign(new Error(code), { code, syscall: "connect" });
    expect(connectionFailure(cause, current, "192.0.2.1:80", true).failure).toEqual({
      code: "no_route",
      error: "this machine has no route to 192.0.2.1:80",
    });
  });

  it("names IPv6 endpoints in brackets", () => {
    expect(endpointText("2001:db8::1", 443)).toBe("[2001:db8::1]:443");
  });
});
