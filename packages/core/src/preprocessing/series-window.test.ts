import { describe, expect, it } from "vitest";
import { ShapeError } from "../errors.ts";
import { SeriesWindow } from "./series-window.ts";

describe("a window over a series", () => {
  it("ends with the newest row and begins once there are enough", () => {
    const window = new SeriesWindow(3, 2);
    const results = [1, 2, 3, 4].map((n) => window.push(Float32Array.of(n, -n)));
    expect(results).toEqual([
      null,
      null,
      Float32Array.of(1, -1, 2, -2, 3, -3),
      Float32Array.of(2, -2, 3, -3, 4, -4),
    ]);
  });

  it("gives windows that later rows leave alone", () => {
    const window = new SeriesWindow(1, 1);
    const first = window.push(Uint8Array.of(7));
    window.push(Uint8Array.of(9));
    expect(first).toEqual(Float32Array.of(7));
  });

  it("refuses impossible sizes, and rows of another one", () => {
    for (const [length, channels] of [
      [0, 1],
      [1, 0],
      [1.5, 1],
    ] as const) {
      expect(() => new SeriesWindow(length, channels)).toThrow(ShapeError);
    }
    expect(() => new SeriesWindow(2, 2).push(new Float32Array(3))).toThrow(ShapeError);
  });
});
