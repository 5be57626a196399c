import {
  createState,
  deployCopy,
  isSendable,
  type ModelState,
  roundTo,
  stateLayout,
  type StateTensorSpec,
  type AbsoluteType,
} from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LearnOptionError, NonFiniteParameterError } from "../errors.ts";
import { topK } from "./top-k.ts";

function parameter(name: string, length: number): StateTensorSpec {
  return { name, role: "parameter", dtype: "float32", shape: [length] };
}

function stateOf(values: readonly number[]): ModelState {
  const state = createState(stateLayout([parameter("weight", values.length)]));
  state.parameters.set(values);
  return state;
}

/** The definition, by sorting. */
function naive(
  trained: Float32Array,
  deployed: Float32Array,
  ratio: number,
  valueType: AbsoluteType,
): readonly (readonly [index: number, value: number])[] {
  const k = Math.max(1, Math.ceil(ratio * trained.length * (1 - 2 ** -40)));
  return [...trained]
    .map((value, index) => {
      const rounded = roundTo(valueType, value);
      return { index, rounded, rank: Math.fround(Math.abs(rounded - deployed[index]!)) };
    })
    .filter(({ rounded, rank }) => rank !== 0 && isSendable(valueType, rounded))
    .sort((a, b) => b.rank - a.rank || a.index - b.index)
    .slice(0, k)
    .sort((a, b) => a.index - b.index)
    .map(({ index, rounded }) => [index, rounded]);
}

// Few distinct values among arbitrary ones, so that ties, equal entries and zeros of both signs are common.
const value = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 2, 1 + 2 ** -12, 1e-8, -1e-8, 1e-45, 70_000, 3e38, -3e38),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
);
const pairs = fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 200 });
const ratios = fc.oneof(
  fc.constantFrom(0.001, 0.01, 0.5, 1),
  fc.double({ min: 1e-4, max: 1, noNaN: true }),
);

describe("topK", () => {
  it("selects what a sort would, for every type of absolute values", () => {
    const types = fc.constantFrom("float32", "float16", "bfloat16");
    fc.assert(
      fc.property(pairs, ratios, types, (all, ratio, valueType) => {
        const trained = stateOf(all.map(([a]) => a));
        const deployed = stateOf(all.map(([, b]) => b));
        const change = topK({ ratio, valueType }).select(trained, deployed);
        const got = [...change.indices].map((index, i) => [index, change.values[i]]);
        expect(got).toEqual(naive(trained.parameters, deployed.parameters, ratio, valueType));
      }),
      { numRuns: 1_000 },
    );
  });

  it("selects what a sort would among thousands, call after call on the same scratch", () => {
    const sparsifier = topK({ ratio: 0.01 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9_999 }), fc.nat(), (distinct, seed) => {
        const random = Array.from({ length: 10_000 }, (_, i) =>
          Math.sin((Math.imul(i + seed, 0x9e3779b1) >>> 0) % distinct),
        );
        const [trained, deployed] = [stateOf(random), stateOf(new Array<number>(10_000).fill(0))];
        const { indices, values } = sparsifier.select(trained, deployed);
        const expected = naive(trained.parameters, deployed.parameters, 0.01, "float32");
        expect([...indices]).toEqual(expected.map(([index]) => index));
        expect([...values]).toEqual(expected.map(([, each]) => each));
      }),
      { numRuns: 20 },
    );
  });

  it("breaks ties by the lower index", () => {
    const change = topK({ ratio: 0.5 }).select(stateOf([1, 1, 1, -1]), stateOf([0, 0, 0, 0]));
    expect([...change.indices]).toEqual([0, 1]);
  });

  it("takes all that differ when k is as large as the model, and nothing from equal states", () => {
    const all = topK({ ratio: 1 });
    expect([...all.select(stateOf([1, 5, 2]), stateOf([1, 0, 0])).indices]).toEqual([1, 2]);
    expect(all.select(stateOf([1, 5, 2]), stateOf([1, 5, 2])).indices).toHaveLength(0);
    expect(all.select(stateOf([0, -0]), stateOf([-0, 0])).indices).toHaveLength(0);
  });

  it("sends at least one parameter, however small the ratio", () => {
    const change = topK({ ratio: 1e-9 }).select(stateOf([1, 3, 2]), stateOf([0, 0, 0]));
    expect([[...change.indices], [...change.values]]).toEqual([[1], [3]]);
  });

  it("brings float16 replicas to rest: repeated updates end when all rounded values are sent", () => {
    const trained = stateOf(
      Array.from({ length: 500 }, (_, i) => Math.sin(i) * 10 ** ((i % 9) - 6)),
    );
    const deployed = deployCopy(stateOf(new Array<number>(500).fill(0)), 0);
    const sparsifier = topK({ ratio: 0.02, valueType: "float16" });
    for (let step = 0; ; step++) {
      const change = sparsifier.select(trained, deployed.state);
      if (change.indices.length === 0) break;
      expect(step).toBeLessThan(50);
      deployed.apply(deployed.updateFor(change));
    }
    expect([...deployed.state.parameters].map(Math.abs)).toEqual(
      [...trained.parameters].map((each) => Math.abs(roundTo("float16", each))),
    );
  });

  it.each(["float32Xor", "int8", "sign"] as const)(
    "brings %s replicas close, bit for bit",
    (type) => {
      const layout = stateLayout([parameter("a", 300), parameter("b", 200)]);
      const trained = createState(layout);
      trained.parameters.forEach((_, i, all) => (all[i] = Math.sin(i) * (i < 300 ? 1 : 1e-3)));
      const deployed = deployCopy(createState(layout), 0);
      const replica = deployCopy(deployed.state, 0);
      const sparsifier = topK({ ratio: 0.2, valueType: type });
      for (let step = 0; step < 60; step++) {
        const change = sparsifier.select(trained, deployed.state);
        if (change.indices.length === 0) break;
        const update = deployed.updateFor(change);
        deployed.apply(update);
        replica.apply(update);
      }
      expect(replica.fingerprint).toBe(deployed.fingerprint);
      const distance = trained.parameters.reduce(
        (sum, value, i) => sum + Math.abs(value - deployed.state.parameters[i]!),
        0,
      );
      expect(distance / 500).toBeLessThan({ float32Xor: 1e-12, int8: 1e-6, sign: 0.05 }[type]);
    },
  );

  it("never sends values beyond the range of the value type, and counts them", () => {
    const sparsifier = topK({ ratio: 1, valueType: "float16" });
    const change = sparsifier.select(stateOf([1e6, 1, -65_520, 65_519]), stateOf([0, 0, 0, 0]));
    expect([...change.values]).toEqual([1, 65_504]);
    expect(sparsifier.unsendable).toBe(2);
    sparsifier.select(stateOf([1, 1, 1, 1]), stateOf([0, 0, 0, 0]));
    expect(sparsifier.unsendable).toBe(0);
  });

  it.each([NaN, Infinity, -Infinity])("refuses a trained %f by the name of its tensor", (bad) => {
    const trained = createState(stateLayout([parameter("conv.weight", 3), parameter("bias", 2)]));
    const deployed = createState(trained.layout);
    trained.parameters[4] = bad;
    for (const valueType of ["float32", "float16", "bfloat16", "int8", "sign"] as const) {
      const sparsifier = topK({ ratio: 0.1, valueType });
      expect(() => sparsifier.select(trained, deployed)).toThrow(NonFiniteParameterError);
      expect(() => sparsifier.select(trained, deployed)).toThrow(/"bias" .* element 1/);
    }
  });

  it("refuses a ratio outside (0, 1]", () => {
    for (const ratio of [0, -0.1, 1.1, NaN]) {
      expect(() => topK({ ratio })).toThrow(LearnOptionError);
    }
  });
});
