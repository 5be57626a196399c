import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  entropyBoundBytes,
  MANIFEST_UPDATES,
  meanOf,
  messageBytes,
  reductionsOf,
} from "../bench/sync/wire-arithmetic.ts";

/** How many ways there are to choose, counted exactly. */
function choices(n: number, k: number): bigint {
  let count = 1n;
  for (let i = 0n; i < BigInt(k); i++) count = (count * (BigInt(n) - i)) / (i + 1n);
  return count;
}

describe("the arithmetic of the table of bytes", () => {
  it("bounds what positions take by the logarithm of their number of choices", () => {
    const sizes = fc
      .integer({ min: 1, max: 300 })
      .chain((n) =>
        fc.tuple(fc.constant(n), fc.integer({ min: 0, max: n }), fc.constantFrom(1, 8, 16, 32)),
      );
    fc.assert(
      fc.property(sizes, ([n, k, bits]) => {
        const expected = (Math.log2(Number(choices(n, k))) + k * bits) / 8;
        expect(entropyBoundBytes(n, k, bits)).toBeCloseTo(expected, 6);
      }),
    );
    expect(entropyBoundBytes(8, 1, 5)).toBeCloseTo(1, 12);
    expect(entropyBoundBytes(100, 0, 16)).toBe(0);
  });

  it("counts a message as RFC 6455 frames it", () => {
    // One byte says which message it is.
    expect([124, 125, 65_534, 65_535].map((bytes) => messageBytes(bytes) - bytes)).toEqual([
      3, 5, 5, 11,
    ]);
  });

  it("shares out buffers and manifest, and compares like with like", () => {
    const whole = fc.integer({ min: 1, max: 10_000_000 });
    fc.assert(
      fc.property(whole, whole, whole, whole, whole, (message, buffers, every, manifest, words) => {
        const dense = { parameterBytes: 4 * words, stateBytes: 4 * words + buffers };
        const { updateBytesMean, reductionAll, reductionParameters } = reductionsOf(
          {
            ...{ messageBytes: message, bufferBytes: buffers, buffersEvery: every },
            manifestBytes: manifest,
          },
          dense,
        );
        // All bytes of a whole period of both, sent one after another.
        const updates = every * MANIFEST_UPDATES;
        const sent = updates * message + MANIFEST_UPDATES * buffers + every * manifest;
        expect(updateBytesMean / (sent / updates)).toBeCloseTo(1, 9);
        expect((reductionAll * sent) / updates / dense.stateBytes).toBeCloseTo(1, 9);
        expect((reductionParameters * message) / dense.parameterBytes).toBeCloseTo(1, 9);
      }),
    );
  });

  it("takes means", () => {
    expect(meanOf([1, 2, 6])).toBe(3);
    expect(meanOf([])).toBeNaN();
  });
});
