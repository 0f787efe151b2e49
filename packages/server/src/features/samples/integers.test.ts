import fc from "fast-check";
import { expect, test } from "vitest";
import { toIntegers } from "./integers.js";

test("a list of whole numbers is what was written", () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeNat()), (integers) => {
      expect(toIntegers(integers.join(","))).toEqual(integers);
    }),
  );
});
