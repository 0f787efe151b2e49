import { inflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { Canvas } from "./png.js";

test("a picture holds the pixels that were painted, and is transparent elsewhere", () => {
  const canvas = new Canvas(3, 2);
  canvas.fill(1, 0, 9, 1, [255, 0, 0, 255]); // Beyond the right edge.
  const png = canvas.toPng();
  expect(png.subarray(1, 4).toString()).toBe("PNG");
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([3, 2]);
  const length = png.readUInt32BE(33);
  const rows = inflateSync(png.subarray(41, 41 + length));
  const [clear, red] = [
    [0, 0, 0, 0],
    [255, 0, 0, 255],
  ] as const;
  expect([...rows]).toEqual([0, ...clear, ...red, ...red, 0, ...clear, ...clear, ...clear]);
});
