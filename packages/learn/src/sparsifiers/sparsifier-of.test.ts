import { describe, expect, it } from "vitest";
import { LearnOptionError } from "../errors.ts";
import { sparsifierConformance } from "./sparsifier.conformance.ts";
import { sparsifierOf } from "./sparsifier-of.ts";
import type { AmountSpec, SparsifierSpec } from "./sparsifier-spec.ts";

const TENTH: AmountSpec = { kind: "ratio", ratio: 0.1 };
const TYPES = ["float32", "float16", "bfloat16", "float32Xor", "int8", "sign"] as const;
/** What rounding of absolute values leaves; the sign never rests. */
const LEAVES = {
  float32: 1e-6,
  float16: 1e-3,
  bfloat16: 5e-3,
  float32Xor: 1e-6,
  int8: 1e-3,
  sign: 0.2,
};

for (const valueType of TYPES) {
  const exceptions = { leaves: LEAVES[valueType] };
  for (const scope of ["global", "perTensor"] as const) {
    sparsifierConformance(
      `topK ${scope} of ${valueType}`,
      () => sparsifierOf({ kind: "topK", scope, amount: TENTH, valueType }),
      exceptions,
    );
  }
  sparsifierConformance(
    `randomK of ${valueType}`,
    () => sparsifierOf({ kind: "randomK", unbiased: false, amount: TENTH, valueType }, { seed: 3 }),
    exceptions,
  );
}

sparsifierConformance(
  "unbiased randomK, which overshoots below one half",
  () => sparsifierOf({ kind: "randomK", unbiased: true, amount: TENTH, valueType: "float32" }),
  { overshoots: true },
);

sparsifierConformance("unbiased randomK of more than one half", () =>
  sparsifierOf({
    kind: "randomK",
    unbiased: true,
    amount: { kind: "ratio", ratio: 0.9 },
    valueType: "float32",
  }),
);

sparsifierConformance(
  "threshold, which leaves what is below",
  () => sparsifierOf({ kind: "threshold", value: 0.05, valueType: "float16" }),
  { leaves: 0.1 },
);

for (const bits of [1, 2, 4, 7, 8, 9, 16]) {
  sparsifierConformance(
    `qsgd of ${bits} bits`,
    () => sparsifierOf({ kind: "qsgd", bits, unbiased: false }),
    { leaves: bits === 1 ? 0.05 : 1e-3 },
  );
}

sparsifierConformance(
  "unbiased qsgd of 4 bits, which only a norm of less than 15 / √n brings to rest",
  () => sparsifierOf({ kind: "qsgd", bits: 4, unbiased: true }),
  { overshoots: true },
);

sparsifierConformance(
  "signMean of all, which never rests",
  () => sparsifierOf({ kind: "signMean", amount: null }),
  { leaves: 0.05 },
);
sparsifierConformance(
  "signMean of the largest, which never rests",
  () => sparsifierOf({ kind: "signMean", amount: TENTH }),
  { leaves: 0.2 },
);
for (const valueType of ["float32", "float16", "bfloat16", "float32Xor"] as const) {
  sparsifierConformance(`dense of ${valueType}`, () => sparsifierOf({ kind: "dense", valueType }), {
    leaves: LEAVES[valueType],
  });
}
for (const kind of ["bytesPerUpdate", "bytesPerSecond"] as const) {
  sparsifierConformance(`topK by ${kind}`, () =>
    sparsifierOf({
      kind: "topK",
      scope: "global",
      amount: { kind, bytes: 1_000 },
      valueType: "float16",
    }),
  );
}

describe("a sparsifier's specification", () => {
  it("is refused with a number that is out of its range, by name", () => {
    const valueType = "float32";
    const topK = (amount: AmountSpec): SparsifierSpec => ({
      ...{ kind: "topK", scope: "global" },
      ...{ amount, valueType },
    });
    const wrong: readonly (readonly [SparsifierSpec, RegExp])[] = [
      [topK({ kind: "ratio", ratio: 0 }), /ratio .* got 0/],
      [topK({ kind: "ratio", ratio: 1.1 }), /ratio .* got 1.1/],
      [topK({ kind: "bytesPerUpdate", bytes: -1 }), /bytesPerUpdate .* got -1/],
      [topK({ kind: "bytesPerSecond", bytes: Infinity }), /bytesPerSecond .* got Infinity/],
      [{ kind: "threshold", value: 1e-60, valueType }, /threshold .* got 1e-60/],
      [{ kind: "qsgd", bits: 17, unbiased: true }, /bits .* got 17/],
      [{ kind: "qsgd", bits: 0, unbiased: true }, /bits .* got 0/],
      [{ kind: "qsgd", bits: 4, unbiased: true, seed: -1 }, /seed .* got -1/],
      [{ kind: "signMean", amount: { kind: "ratio", ratio: NaN } }, /ratio .* got NaN/],
    ];
    for (const [spec, message] of wrong) {
      expect(() => sparsifierOf(spec)).toThrow(LearnOptionError);
      expect(() => sparsifierOf(spec)).toThrow(message);
    }
  });
});
