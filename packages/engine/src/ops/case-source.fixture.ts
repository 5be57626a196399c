/** What random uses of operators are drawn from. */
import { type Shape, sizeOf, type Tensor, tensor } from "@everfresh/core";
import fc from "fast-check";
import type { Attribute, Attributes } from "../graph/graph.ts";
import { noise, type OperatorCase } from "./gradient-check.fixture.ts";
import type { nonDifferentiable } from "./operator.ts";

/** How to draw uses of one operator. */
export type CaseSource = fc.Arbitrary<OperatorCase> | typeof nonDifferentiable;

export const seeds: fc.Arbitrary<number> = fc.integer({ min: 0, max: 999 });
export const sizes: fc.Arbitrary<number> = fc.integer({ min: 1, max: 4 });
export const shapes: fc.Arbitrary<number[]> = fc.array(sizes, { minLength: 1, maxLength: 4 });
export const flags: fc.Arbitrary<boolean> = fc.boolean();

export const int = (value: number): Attribute => ({ kind: "int", value });
export const ints = (value: readonly number[]): Attribute => ({ kind: "ints", value });
export const float = (value: number): Attribute => ({ kind: "float", value });
export const text = (value: string): Attribute => ({ kind: "string", value });

/** Values in [−1, 1]. */
export function smooth(seed: number, shape: Shape, offset = 0): Tensor {
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => noise(seed, i) + offset);
  return tensor("float32", shape, data);
}

/** Values at least 0.25 from 0 and 0.5 from each other, in random order: far from every kink. */
export function separated(seed: number, shape: Shape): Tensor {
  const count = sizeOf(shape);
  const order = Array.from({ length: count }, (_, i) => i);
  order.sort((a, b) => noise(seed, a) - noise(seed, b));
  const data = Float32Array.from(order, (rank) => 0.5 * (rank - Math.floor(count / 2)) + 0.25);
  return tensor("float32", shape, data);
}

/** Values from 0.25 to 2 away from 0, of both signs. */
export function awayFromZero(seed: number, shape: Shape): Tensor {
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    const x = 2 * noise(seed, i);
    return Math.abs(x) < 0.25 ? 0.5 + x : x;
  });
  return tensor("float32", shape, data);
}

export function integers(values: readonly number[], shape: Shape = [values.length]): Tensor {
  return tensor("int64", shape, BigInt64Array.from(values, BigInt));
}

export function floats(values: readonly number[], shape: Shape = [values.length]): Tensor {
  return tensor("float32", shape, Float32Array.from(values));
}

export function booleans(seed: number, shape: Shape): Tensor {
  const data = Uint8Array.from({ length: sizeOf(shape) }, (_, i) => (noise(seed, i) > 0 ? 1 : 0));
  return tensor("bool", shape, data);
}

/** Uses of an operator with one input. */
export function unary(
  make: (seed: number, shape: Shape) => Tensor,
  attributes: fc.Arbitrary<Attributes> = fc.constant({}),
): fc.Arbitrary<OperatorCase> {
  return fc
    .record({ shape: shapes, attributes, seed: seeds })
    .map(({ shape, attributes, seed }) => ({ attributes, inputs: [make(seed, shape)] }));
}

/** Two shapes that broadcast: some sizes replaced by 1, some leading sizes left out. */
export const broadcastPairs: fc.Arbitrary<{ left: number[]; right: number[]; seed: number }> = fc
  .record({
    axes: fc.array(fc.record({ size: sizes, left: flags, right: flags }), {
      minLength: 1,
      maxLength: 4,
    }),
    dropLeft: fc.integer({ min: 0, max: 3 }),
    dropRight: fc.integer({ min: 0, max: 3 }),
    seed: seeds,
  })
  .map(({ axes, dropLeft, dropRight, seed }) => ({
    left: axes.map(({ size, left }) => (left ? 1 : size)).slice(dropLeft),
    right: axes.map(({ size, right }) => (right ? 1 : size)).slice(dropRight),
    seed,
  }));

/** Uses of a broadcasting operator with two inputs; offsets move values out of [−1, 1]. */
export function binary({ left = 0, right = 0 } = {}): fc.Arbitrary<OperatorCase> {
  return broadcastPairs.map((pair) => ({
    attributes: {},
    inputs: [smooth(pair.seed, pair.left, left), smooth(pair.seed + 1, pair.right, right)],
  }));
}
