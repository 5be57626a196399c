import { createState, deployCopy, type ModelState, roundTo, stateLayout } from "@everfresh/core";
import { lenet5 } from "@everfresh/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sparsifierOf } from "./sparsifier-of.ts";
import { randomState, zeroState } from "./states.fixture.ts";

function stateOf(values: readonly number[]): ModelState {
  const state = createState(
    stateLayout([{ name: "w", role: "parameter", dtype: "float32", shape: [values.length] }]),
  );
  state.parameters.set(values);
  return state;
}

const number = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 0.5, 2 ** -149, 1e-8),
  fc.float({ noNaN: true, min: -10, max: 10 }),
);
const pairs = fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 100 });

describe("topK per tensor", () => {
  it.each([
    [0.01, 618],
    [0.001, 67],
    [0.0001, 13],
  ])("of %d sends %i of LeNet-5's parameters, as Prapas et al. count", (ratio, entries) => {
    const { state } = lenet5({ seed: 1 });
    const sparsifier = sparsifierOf({
      ...{ kind: "topK", scope: "perTensor", valueType: "float32" },
      ...{ amount: { kind: "ratio", ratio } },
    });
    const { indices } = sparsifier.select(state, createState(state.layout));
    expect(indices).toHaveLength(entries);
  });

  it("sends the largest of each tensor, at least one", () => {
    const trained = randomState(1);
    const { indices } = sparsifierOf({
      ...{ kind: "topK", scope: "perTensor", valueType: "float32" },
      ...{ amount: { kind: "ratio", ratio: 0.1 } },
    }).select(trained, zeroState());
    const expected = trained.layout.tensors.flatMap(({ role, wordOffset, length }) => {
      if (role === "buffer" || length === 0) return [];
      return Array.from({ length }, (_, i) => wordOffset + i)
        .sort((a, b) => Math.abs(trained.parameters[b]!) - Math.abs(trained.parameters[a]!))
        .slice(0, Math.max(1, Math.floor(length / 10)))
        .sort((a, b) => a - b);
    });
    expect([...indices]).toEqual(expected);
  });
});

describe("threshold", () => {
  it("sends every parameter that is off by it or more", () => {
    const types = fc.constantFrom("float32", "float16", "bfloat16");
    const values = fc.constantFrom(2 ** -149, 1e-8, 0.5, 1, 3);
    fc.assert(
      fc.property(pairs, types, values, (all, valueType, value) => {
        const [trained, deployed] = [all.map(([a]) => a), all.map(([, b]) => b)].map(stateOf);
        const sparsifier = sparsifierOf({ kind: "threshold", value, valueType });
        const { indices, values: sent } = sparsifier.select(trained!, deployed!);
        const expected = [...trained!.parameters.keys()].filter((i) => {
          const rounded = roundTo(valueType, trained!.parameters[i]!);
          return Math.fround(Math.abs(rounded - deployed!.parameters[i]!)) >= Math.fround(value);
        });
        expect([...indices]).toEqual(expected);
        expect([...sent]).toEqual(expected.map((i) => roundTo(valueType, trained!.parameters[i]!)));
      }),
    );
  });
});

describe("signMean", () => {
  it("moves every parameter that differs by the mean of its tensor", () => {
    const trained = randomState(2);
    trained.parameters.fill(0, 20, 25);
    const { valueType, indices, values, scales } = sparsifierOf({
      kind: "signMean",
      amount: null,
    }).select(trained, zeroState());
    expect(valueType).toBe("sign");
    expect(indices).toHaveLength(513);
    const mean = trained.parameters.slice(0, 300).reduce((sum, v) => sum + Math.abs(v), 0) / 295;
    expect(scales![0]! / mean).toBeCloseTo(1, 2);
    indices.forEach((index, i) => {
      expect(Math.sign(values[i]!)).toBe(Math.sign(trained.parameters[index]!));
    });
  });

  it("of the largest is the largest with the sign's values", () => {
    const amount = { kind: "ratio", ratio: 0.05 } as const;
    const [trained, deployed] = [randomState(3), zeroState()];
    expect(sparsifierOf({ kind: "signMean", amount }).select(trained, deployed)).toEqual(
      sparsifierOf({ kind: "topK", scope: "global", amount, valueType: "sign" }).select(
        trained,
        deployed,
      ),
    );
  });
});

describe("dense", () => {
  it("makes the deployed state the trained one to the last bit, rounded, in one update", () => {
    const types = fc.constantFrom("float32", "float16", "bfloat16", "float32Xor");
    fc.assert(
      fc.property(pairs, types, (all, valueType) => {
        const [trained, old] = [all.map(([a]) => a), all.map(([, b]) => b)].map(stateOf);
        const deployed = deployCopy(old!, 0);
        const sparsifier = sparsifierOf({ kind: "dense", valueType });
        deployed.apply(deployed.updateFor(sparsifier.select(trained!, deployed.state)));
        const type = valueType === "float32Xor" ? "float32" : valueType;
        const expected = trained!.parameters.map((each) => roundTo(type, each));
        expect(new Uint32Array(deployed.state.parameters.slice().buffer)).toEqual(
          new Uint32Array(expected.buffer),
        );
        expect(sparsifier.select(trained!, deployed.state).indices).toHaveLength(0);
      }),
    );
  });

  it("leaves out what is beyond the range of the type, and counts it", () => {
    const sparsifier = sparsifierOf({ kind: "dense", valueType: "float16" });
    const change = sparsifier.select(stateOf([1e6, 1, 2]), stateOf([0, 0, 2]));
    expect([[...change.indices], [...change.values], sparsifier.unsendable]).toEqual([[1], [1], 1]);
  });
});
