import { describe, expect, it } from "vitest";
import type { EmittedNode } from "./emission.ts";
import { executionOrder } from "./execution-order.ts";

const node = (name: string, inputs: readonly string[]): EmittedNode => ({
  name,
  operator: "Add",
  inputs,
  outputs: [name],
  attributes: {},
});

/** The order in which ONNX Runtime computes: backwards from what nobody reads, last node first. */
function computed(nodes: readonly EmittedNode[]): string[] {
  const index = new Map(nodes.map(({ name }, i) => [name, i]));
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const done: string[] = [];
  const visit = (names: readonly string[]): void => {
    const known = names.filter((name) => index.has(name));
    for (const name of known.sort((a, b) => index.get(b)! - index.get(a)!)) {
      if (done.includes(name)) continue;
      visit([...nodes[index.get(name)!]!.inputs]);
      done.push(name);
    }
  };
  visit(nodes.map(({ name }) => name).filter((name) => !read.has(name)));
  return done;
}

// Two layers; each backward step needs a mask of the forward pass and gives a weight gradient.
const STEP = [
  node("y1", ["x", "w1"]),
  node("y2", ["y1", "w2"]),
  node("g2", ["y2", "t"]),
  node("mask2", ["y2"]),
  node("d2", ["g2", "mask2"]),
  node("dw2", ["d2", "y1"]),
  node("g1", ["d2", "w2"]),
  node("mask1", ["y1"]),
  node("d1", ["g1", "mask1"]),
  node("dw1", ["d1", "x"]),
];

describe("executionOrder", () => {
  it("keeps every node behind what it reads", () => {
    const made = new Set(["x", "w1", "w2", "t"]);
    for (const { name, inputs } of executionOrder(STEP)) {
      expect(inputs.every((input) => made.has(input))).toBe(true);
      made.add(name);
    }
    expect(made.size).toBe(STEP.length + 4);
  });

  it("lets a weight gradient be computed as soon as it can be, and a mask when it is needed", () => {
    const order = computed(executionOrder(STEP));
    expect(order.indexOf("dw2")).toBeLessThan(order.indexOf("g1"));
    expect(order.indexOf("mask1")).toBeGreaterThan(order.indexOf("g1"));
  });

  it("is needed: in the order of emission both come at the wrong end", () => {
    const order = computed(STEP);
    expect(order.indexOf("dw2")).toBeGreaterThan(order.indexOf("d1"));
    expect(order.indexOf("mask1")).toBeLessThan(order.indexOf("g1"));
  });
});
