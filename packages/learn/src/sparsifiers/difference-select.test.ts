import { createState, isSendable, roundTo, stateLayout } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Comparison } from "../kernels/difference-scan.ts";
import { comparisonOf, DifferenceSelect } from "./difference-select.ts";

/** The definition, by sorting. */
function naive({ type, wanted, present, from, to }: Comparison, k: number): readonly number[] {
  const rank = (i: number): number =>
    Math.fround(Math.abs(roundTo(type, wanted[i]!) - present[i]!));
  return Array.from({ length: to - from }, (_, i) => from + i)
    .filter((i) => isSendable(type, roundTo(type, wanted[i]!)) && rank(i) !== 0)
    .sort((a, b) => rank(b) - rank(a) || a - b)
    .slice(0, k)
    .sort((a, b) => a - b);
}

const value = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 2, 1.25, 1e-8, 2 ** -149, -(2 ** -149), 2 ** -140),
  fc.float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 }),
);
const unusual = fc.oneof(value, fc.constantFrom(70_000, 3e38, -3e38, Infinity, -Infinity, NaN));

function comparisons(number: fc.Arbitrary<number>): fc.Arbitrary<readonly [Comparison, number]> {
  const pairs = fc.array(fc.tuple(number, value), { minLength: 1, maxLength: 300, size: "max" });
  return fc
    .tuple(pairs, fc.constantFrom("float32", "float16", "bfloat16"), fc.nat(310), fc.nat())
    .map(([all, type, k, cut]) => {
      const from = cut % all.length;
      const wanted = Float32Array.from(all, ([a]) => a);
      const present = Float32Array.from(all, ([, b]) => b);
      return [{ type, wanted, present, from, to: all.length }, k + 1] as const;
    });
}

describe.each([
  ["with vector kernels", (): DifferenceSelect => new DifferenceSelect()],
  ["in plain loops", (): DifferenceSelect => new DifferenceSelect(null)],
])("the selection of differences %s", (_how, make) => {
  it("takes what a sort would, whatever it selected from before", () => {
    fc.assert(
      fc.property(fc.array(comparisons(unusual), { minLength: 1, maxLength: 5 }), (calls) => {
        const select = make();
        for (const [comparison, k] of calls) {
          const { type, wanted, from, to } = comparison;
          const { indices, unsendable } = select.largest(comparison, k);
          expect([...indices]).toEqual(naive(comparison, k));
          const not = wanted
            .subarray(from, to)
            .filter((each) => !isSendable(type, roundTo(type, each)));
          expect(unsendable).toBe(not.length);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("follows differences that grow, shrink, vanish and are all the same", () => {
    const select = make();
    const present = new Float32Array(40_000);
    const wanted = new Float32Array(40_000);
    const comparison = { type: "float32" as const, wanted, present, from: 0, to: 40_000 };
    for (const [step, scale] of [1, 1.02, 0.98, 100, 1e-6, 0, 1, 1e-44].entries()) {
      wanted.forEach((_, i) => (wanted[i] = scale * Math.sin(i * (step + 1))));
      expect([...select.largest(comparison, 40).indices]).toEqual(naive(comparison, 40));
    }
    wanted.fill(0.5);
    expect([...select.largest(comparison, 3).indices]).toEqual([0, 1, 2]);
    expect(select.largest(comparison, 50_000).indices).toHaveLength(40_000);
  });

  it("thins out as it goes, wherever the largest are, and again from nothing when few are left", () => {
    const select = make();
    const layout = stateLayout([
      { name: "w", role: "parameter", dtype: "float32", shape: [60_000] },
    ]);
    const [trained, deployed] = [0, 1].map(() => createState(layout, { kernels: true }));
    const wanted = trained!.parameters;
    const comparison = {
      ...comparisonOf("float16", trained!, deployed!),
      ...{ from: 0, to: wanted.length },
    };
    const shapes: readonly ((i: number) => number)[] = [
      (i) => i / 100,
      (i) => (60_000 - i) / 100,
      (i) => Math.sin(i * i),
      (i) => 0.9 * Math.sin(i * i),
      (i) => 0.1 * Math.cos(i),
      (i) => (i % 2 === 0 ? 3 : 4),
      (i) => (i < 100 ? 1 : 0),
      (i) => i % 7,
    ];
    for (const shape of shapes) {
      wanted.forEach((_, i) => (wanted[i] = shape(i)));
      expect([...select.largest(comparison, 150).indices]).toEqual(naive(comparison, 150));
    }
  });

  it("takes all from a threshold on", () => {
    fc.assert(
      fc.property(
        comparisons(unusual),
        fc.constantFrom(2 ** -149, 1, 1.25, 50),
        (call, threshold) => {
          const [comparison] = call;
          const expected = naive(comparison, Infinity).filter((i) => {
            const rounded = roundTo(comparison.type, comparison.wanted[i]!);
            return Math.fround(Math.abs(rounded - comparison.present[i]!)) >= threshold;
          });
          expect([...make().atLeast(comparison, threshold).indices]).toEqual(expected);
        },
      ),
    );
  });
});
