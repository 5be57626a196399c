import { describe, expect, it } from "vitest";
import { rowResult } from "../row-result.fixture.ts";
import type { RowResult } from "../row-result.ts";
import { dipOf } from "./dip.ts";

const row = (seed: number, windows: readonly number[]): RowResult =>
  rowResult({ name: "row", seed, windows });

describe("the dip of a row", () => {
  const frozen = [row(1, [0.9, 0.8, 0.9]), row(2, [0.7, 0.7, 0.7])];

  it("is its largest fall below the frozen row of the same seed, and of the mean", () => {
    // Other order of seeds than the frozen rows have.
    const dip = dipOf([row(2, [0.71, 0.68, 0.9]), row(1, [0.8, 0.82, 0.9])], frozen);
    expect(dip?.ofSeeds).toEqual([expect.closeTo(2, 9), expect.closeTo(10, 9)]);
    // −1 and 10, 2 and −2, −20 and 0.
    expect(dip?.ofMean).toBeCloseTo(4.5, 9);
    expect(dip?.windows).toBe(3);
    expect(dip?.accuracy).toBeCloseTo((0.71 + 0.68 + 0.9 + 0.8 + 0.82 + 0.9) / 6, 9);
  });

  it("is below 0 where a row never falls below", () => {
    const dip = dipOf([row(1, [0.95, 0.9, 0.92])], frozen);
    expect(dip?.ofSeeds).toEqual([expect.closeTo(-2, 9)]);
  });

  it("counts the first ten windows only", () => {
    const level = Array.from({ length: 12 }, () => 0.9);
    const late = level.map((accuracy, at) => (at < 10 ? accuracy : 0));
    expect(dipOf([row(1, late)], [row(1, level)])?.ofMean).toBe(0);
    const last = level.map((accuracy, at) => (at === 9 ? 0 : accuracy));
    expect(dipOf([row(1, last)], [row(1, level)])?.ofMean).toBe(90);
  });

  it("is nothing without windows, and without the frozen row of its seed", () => {
    expect(dipOf([row(1, [])], frozen)).toBeNull();
    expect(dipOf([row(3, [0.9])], frozen)).toBeNull();
    expect(dipOf([], frozen)).toBeNull();
  });
});
