import { describe, expect, it } from "vitest";
import { GraphBuilder, type Value } from "./builder.ts";
import { add, multiply, reshape, sumTo } from "./expressions.ts";

const x: Value = { name: "x", dtype: "float32", shape: [2, 3] };

describe("GraphBuilder", () => {
  it("computes equal expressions once", () => {
    const builder = new GraphBuilder(["x"]);
    const twice = add(builder, x, x);
    const y = multiply(builder, twice, add(builder, x, x));
    const { nodes } = builder.finish({
      inputs: [x],
      state: [],
      outputs: [{ name: "y", value: y }],
    });
    expect(nodes.map(({ operator }) => operator)).toEqual(["Add", "Mul"]);
  });

  it("leaves out what no output needs", () => {
    const builder = new GraphBuilder(["x"]);
    const y = reshape(builder, x, [6]);
    reshape(builder, x, [3, 2]);
    multiply(builder, x, builder.floats([5]));
    const built = builder.finish({ inputs: [x], state: [], outputs: [{ name: "y", value: y }] });
    expect(built.nodes).toHaveLength(1);
    expect([...built.constants.values()].map(({ data }) => data)).toEqual([BigInt64Array.of(6n)]);
  });

  it("copies a value only where it cannot take the name of the output", () => {
    const builder = new GraphBuilder(["x", "a", "b", "c"]);
    const y = add(builder, x, x);
    const { nodes } = builder.finish({
      inputs: [x],
      state: [],
      outputs: [
        { name: "a", value: y },
        { name: "b", value: y },
        { name: "c", value: x },
      ],
    });
    expect(nodes.map(({ operator, outputs }) => [operator, ...outputs])).toEqual([
      ["Add", "a"],
      ["Identity", "b"],
      ["Identity", "c"],
    ]);
  });

  it("chooses names that nothing else has", () => {
    const builder = new GraphBuilder(["x", "targets"]);
    expect(builder.uniqueName("weights")).toBe("weights");
    expect(builder.uniqueName("targets")).not.toBe("targets");
  });

  it("sums what broadcasting repeated, and nothing where nothing was", () => {
    const builder = new GraphBuilder(["x"]);
    expect(sumTo(builder, x, [2, 3])).toBe(x);
    expect(sumTo(builder, x, [3]).shape).toEqual([3]);
    expect(sumTo(builder, x, [2, 1]).shape).toEqual([2, 1]);
    expect(sumTo(builder, x, []).shape).toEqual([]);
  });
});
