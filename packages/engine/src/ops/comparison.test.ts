import { tensor } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ComparisonKind } from "../graph/operator-kind.ts";
import { runOnnx } from "../onnx/execution.fixture.ts";
import { writeOnnx } from "../onnx/write.ts";
import { booleans, broadcastPairs, smooth } from "./case-source.fixture.ts";
import { COMPARISONS } from "./comparison.ts";
import { inferTypes } from "./type-inference.ts";

const kinds = Object.keys(COMPARISONS) as ComparisonKind[];
const LOGIC: readonly ComparisonKind[] = ["And", "Not", "Or"];

describe("the rules of comparisons", () => {
  it.each(kinds)("tell what ONNX Runtime makes of %s", async (operator) => {
    await fc.assert(
      fc.asyncProperty(broadcastPairs, async ({ left, right, seed }) => {
        const make = LOGIC.includes(operator) ? booleans : smooth;
        const operands = [make(seed, left), make(seed + 1, right)].slice(
          operator === "Not" ? 1 : 0,
        );
        const names = operands.map((_, i) => `x${i}`);
        const feeds = Object.fromEntries(operands.map((x, i) => [`x${i}`, x]));
        const graph = {
          inputs: operands.map(({ dtype, shape }, i) => ({ name: `x${i}`, dtype, shape })),
          state: [],
          constants: new Map(),
          nodes: [{ name: "node", operator, inputs: names, outputs: ["y"], attributes: {} }],
        };
        const { dtype, shape } = inferTypes(graph).get("y")!;
        const outputs = [{ name: "y", dtype, shape }];
        const bytes = writeOnnx({ ...graph, name: "check", outputs, initialisers: [] });
        const { y } = await runOnnx(bytes, feeds);
        expect({ dtype: y?.dtype, shape: y?.shape }).toEqual({ dtype, shape });
      }),
      { numRuns: 8, seed: 1 },
    );
  });

  it("computes with sizes: whether a batch dimension was left open", () => {
    const x = { name: "x", dtype: "float32", shape: [{ batches: 1 }, 3] } as const;
    const node = { name: "n", attributes: {} };
    const types = inferTypes({
      inputs: [x],
      state: [],
      constants: new Map([
        ["wanted", tensor("int64", [2], BigInt64Array.of(-1n, 3n))],
        ["open", tensor("int64", [], BigInt64Array.of(-1n))],
      ]),
      nodes: [
        { ...node, operator: "Shape", inputs: ["x"], outputs: ["sizes"] },
        { ...node, operator: "Equal", inputs: ["wanted", "open"], outputs: ["isOpen"] },
        {
          ...node,
          operator: "Where",
          inputs: ["isOpen", "sizes", "wanted"],
          outputs: ["filled"],
        },
        { ...node, operator: "Mul", inputs: ["filled", "filled"], outputs: ["square"] },
        { ...node, operator: "Add", inputs: ["filled", "filled"], outputs: ["double"] },
      ],
    });
    expect(types.get("isOpen")?.value).toEqual([1, 0]);
    expect(types.get("filled")?.value).toEqual([{ batches: 1 }, 3]);
    expect(types.get("square")?.value).toBeUndefined();
    expect(types.get("double")?.value).toEqual([{ batches: 2 }, 6]);
  });
});
