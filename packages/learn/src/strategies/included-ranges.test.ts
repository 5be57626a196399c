import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PositionRange } from "../samplers/excluding.ts";
import { includedRanges, newestOf } from "./included-ranges.ts";

const ranges = fc.array(
  fc
    .tuple(fc.nat(40), fc.nat(6))
    .map(([from, length]): PositionRange => ({ from, to: from + length })),
  { maxLength: 6 },
);

function positionsOf(among: readonly PositionRange[]): readonly number[] {
  return among.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
}

describe("includedRanges", () => {
  it("has every position below the limit that no excluded range has, and newestOf the last of them", () => {
    fc.assert(
      fc.property(fc.nat(45), ranges, fc.nat(50), (limit, excluded, count) => {
        const expected = Array.from({ length: limit }, (_, position) => position).filter(
          (position) => !excluded.some(({ from, to }) => position >= from && position < to),
        );
        const included = includedRanges(limit, excluded);
        expect(positionsOf(included)).toEqual(expected);
        expect(included.every(({ from, to }) => from < to)).toBe(true);
        const newest = expected.slice(Math.max(0, expected.length - count));
        expect(positionsOf(newestOf(included, count))).toEqual(newest);
      }),
      { numRuns: 300 },
    );
  });
});
