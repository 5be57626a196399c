import { checkEntries, deployCopy, INT8_BLOCK, int8Of, type StateChange } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asScaleAbove } from "./increments.ts";
import { sparsifierOf } from "./sparsifier-of.ts";
import { randomState, zeroState } from "./states.fixture.ts";

const ALL_BITS = Array.from({ length: 16 }, (_, i) => i + 1);

/** What arrives: the parameters after the change. */
function after(change: StateChange): Float32Array {
  const deployed = deployCopy(zeroState(), 0);
  deployed.apply(deployed.updateFor(change));
  return deployed.state.parameters;
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, each) => sum + each * each, 0));
}

describe("qsgd", () => {
  it.each(ALL_BITS)("of %i bits makes an update, of few levels per tensor", (bits) => {
    const trained = randomState(bits);
    const sparsifier = sparsifierOf({ kind: "qsgd", bits, unbiased: true });
    const change = sparsifier.select(trained, zeroState());
    checkEntries(trained.layout, change);
    expect(change.valueType).toBe(bits === 1 ? "sign" : bits <= 8 ? "int8" : "float32");
    const arrived = after(change);
    const again = bits > 1 ? Math.max(0, ...(change.scales ?? [])) : 0;
    for (const { role, wordOffset, length } of trained.layout.tensors) {
      if (role === "buffer" || length === 0) continue;
      const part = trained.parameters.subarray(wordOffset, wordOffset + length);
      const step = norm(part) / (2 ** bits - 1);
      for (let i = 0; i < length; i++) {
        // One level, the bfloat16 that it is rounded up to, and one more in blocks of two tensors.
        const error = Math.abs(arrived[wordOffset + i]! - part[i]!);
        expect(error).toBeLessThanOrEqual((step + again + Math.abs(part[i]!) / 128) * 1.01);
      }
    }
  });

  it.each([1, 2, 4, 8, 12])("of %i bits moves by the difference on average", (bits) => {
    const trained = randomState(20);
    const deployed = zeroState();
    const sparsifier = sparsifierOf({ kind: "qsgd", bits, unbiased: true }, { seed: 9 });
    const draws = 1_500;
    const sums = new Float64Array(trained.parameters.length);
    const squares = new Float64Array(trained.parameters.length);
    for (let i = 0; i < draws; i++) {
      const { indices, values } = sparsifier.select(trained, deployed);
      const base = bits > 8 ? deployed.parameters : new Float32Array(sums.length);
      indices.forEach((index, at) => {
        sums[index]! += values[at]! - base[index]!;
        squares[index]! += (values[at]! - base[index]!) ** 2;
      });
    }
    // Squares of the errors over the variances that were seen: χ² with as many degrees as coins.
    let chiSquare = 0;
    let coins = 0;
    for (const { role, wordOffset, length } of trained.layout.tensors) {
      if (role === "buffer" || length === 0) continue;
      const part = trained.parameters.subarray(wordOffset, wordOffset + length);
      const grid = asScaleAbove(norm(part) / (2 ** bits - 1));
      part.forEach((difference, i) => {
        const rest = (Math.abs(difference) / grid) % 1;
        if (draws * rest * (1 - rest) < 10) return; // too rare to be normal
        const mean = sums[wordOffset + i]! / draws;
        const variance = (squares[wordOffset + i]! / draws - mean ** 2) / draws;
        chiSquare += (mean - difference) ** 2 / variance;
        coins++;
      });
    }
    expect(coins).toBeGreaterThan(350);
    expect(Math.abs(chiSquare / coins - 1)).toBeLessThan(6 * Math.sqrt(2 / coins));
  });

  it("does not let what is left grow, on average, when biased", () => {
    for (const bits of [1, 2, 4]) {
      const trained = randomState(21);
      const sparsifier = sparsifierOf({ kind: "qsgd", bits, unbiased: false });
      let left = 0;
      for (let i = 0; i < 200; i++) {
        const arrived = after(sparsifier.select(trained, zeroState()));
        left += trained.parameters.reduce((sum, each, at) => sum + (each - arrived[at]!) ** 2, 0);
      }
      expect(left / 200).toBeLessThan(norm(trained.parameters) ** 2);
    }
  });

  it("gives blocks of one tensor its step, and others a scale that 127 levels of suffice", () => {
    const trained = randomState(22);
    const { indices, values, scales } = sparsifierOf({
      kind: "qsgd",
      bits: 7,
      unbiased: true,
    }).select(trained, zeroState());
    const boundary = 300; // conv.weight ends here
    const blocks = Math.floor(indices.findIndex((index) => index >= boundary) / INT8_BLOCK);
    expect(blocks).toBeGreaterThan(2);
    const step = norm(trained.parameters.subarray(0, boundary)) / 127;
    for (let block = 0; block < blocks; block++) {
      expect(scales![block]).toBe(scales![0]);
      expect(scales![block]! / step).toBeGreaterThanOrEqual(1);
      expect(scales![block]! / step).toBeLessThan(1 + 2 ** -7);
    }
    values.forEach((each, i) => {
      const q = int8Of(each, scales![Math.floor(i / INT8_BLOCK)]!);
      expect(Math.abs(q)).toBeLessThanOrEqual(127);
    });
  });

  it("takes differences of every size that an update can carry", () => {
    const size = fc.constantFrom(1e-45, 1e-40, 1e-30, 1, 1e30);
    fc.assert(
      fc.property(
        size,
        fc.constantFrom(...ALL_BITS),
        fc.boolean(),
        fc.nat(),
        (scale, bits, unbiased, seed) => {
          const trained = randomState(seed, 1);
          trained.parameters.forEach((each, i, all) => (all[i] = each * scale));
          const sparsifier = sparsifierOf({ kind: "qsgd", bits, unbiased });
          const deployed = deployCopy(zeroState(), 0);
          deployed.apply(deployed.updateFor(sparsifier.select(trained, deployed.state)));
        },
      ),
      { numRuns: 60 },
    );
  });
});
