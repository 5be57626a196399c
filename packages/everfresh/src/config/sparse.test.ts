import type { SparsifierSpec } from "@everfresh/learn";
import { describe, expect, it } from "vitest";
import { ratioOf, sparse, type SparseOptions, withRatio } from "./sparse.ts";

describe("sparse()", () => {
  it.each<readonly [SparseOptions, SparsifierSpec]>([
    [
      {},
      {
        kind: "topK",
        scope: "global",
        amount: { kind: "ratio", ratio: 0.01 },
        valueType: "float16",
      },
    ],
    [
      { bytesPerUpdate: 500, values: "int8", choose: { kind: "topK", scope: "perTensor" } },
      {
        kind: "topK",
        scope: "perTensor",
        amount: { kind: "bytesPerUpdate", bytes: 500 },
        valueType: "int8",
      },
    ],
    [
      { bytesPerSecond: 9_000, values: "bf16", choose: { kind: "randomK", seed: 7 } },
      {
        kind: "randomK",
        unbiased: false,
        seed: 7,
        amount: { kind: "bytesPerSecond", bytes: 9_000 },
        valueType: "bfloat16",
      },
    ],
    [
      { choose: { kind: "threshold", value: 1e-4 }, values: "f32" },
      { kind: "threshold", value: 1e-4, valueType: "float32" },
    ],
    [{ choose: { kind: "qsgd", bits: 4 } }, { kind: "qsgd", bits: 4, unbiased: false }],
    [{ choose: { kind: "signMean" } }, { kind: "signMean", amount: null }],
    [
      { choose: { kind: "signMean" }, ratio: 0.1 },
      { kind: "signMean", amount: { kind: "ratio", ratio: 0.1 } },
    ],
    [{ choose: { kind: "dense" } }, { kind: "dense", valueType: "float32" }],
  ])("says %j in full", (options, sparsifier) => {
    expect(sparse({ ...options, buffersEvery: 7 })).toEqual({
      kind: "sparse",
      sparsifier,
      buffersEvery: 7,
    });
  });

  it("refuses what is out of range or does not go together, by name", () => {
    const wrong: readonly (readonly [SparseOptions, RegExp])[] = [
      [{ ratio: 0 }, /ratio must be above 0 .* got 0/],
      [{ ratio: 0.1, bytesPerUpdate: 10 }, /bytesPerUpdate must be left out beside ratio/],
      [{ ratio: 0.1, choose: { kind: "dense" } }, /ratio must be left out with choose dense/],
      [{ bytesPerSecond: 5, choose: { kind: "threshold", value: 1 } }, /choose threshold, got 5/],
      [{ values: "f16", choose: { kind: "qsgd", bits: 4 } }, /values .* choose qsgd, got f16/],
      [{ values: "sign", choose: { kind: "dense" } }, /values .* choose dense, got sign/],
      [{ choose: { kind: "qsgd", bits: 99 } }, /bits .* got 99/],
      [{ buffersEvery: 0 }, /buffersEvery must be a whole number of 1 or more, got 0/],
    ];
    for (const [options, message] of wrong) {
      expect(() => sparse(options)).toThrow(message);
      expect(() => sparse(options)).toThrow(expect.objectContaining({ code: "EF_LEARN_OPTION" }));
    }
  });

  it("lets statistics follow more often where updates are larger", () => {
    const paces: readonly (readonly [SparseOptions, number])[] = [
      [{}, 10],
      [{ ratio: 0.005 }, 10],
      [{ ratio: 0.004 }, 50],
      [{ bytesPerUpdate: 500 }, 50],
      [{ choose: { kind: "dense" } }, 10],
      [{ ratio: 0.5, buffersEvery: 3 }, 3],
    ];
    for (const [options, pace] of paces) expect(sparse(options).buffersEvery).toBe(pace);
  });

  it("takes another ratio where it goes by an amount, and tells the most that it sends", () => {
    const byBytes = sparse({ bytesPerUpdate: 500 }).sparsifier;
    expect(ratioOf(byBytes)).toBe(1);
    expect(ratioOf(withRatio(byBytes, 0.05))).toBe(0.05);
    expect(ratioOf(sparse({ choose: { kind: "qsgd", bits: 2 } }).sparsifier)).toBe(1);
    const dense = sparse({ choose: { kind: "dense" } }).sparsifier;
    expect(() => withRatio(dense, 0.05)).toThrow(/ratio must be left out with choose dense/);
  });
});
