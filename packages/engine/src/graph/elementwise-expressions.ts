/** More of the vocabulary of gradients: operators that work on each element by itself. */
import { assert, type Shape } from "@everfresh/core";
import type { GraphBuilder, Value } from "./builder.ts";
import { broadcastShapes, fixedShape } from "./dimension.ts";
import { expand } from "./expressions.ts";
import type { Attributes, GraphShape } from "./graph.ts";
import type { ActivationKind, ArithmeticKind } from "./operator-kind.ts";

/** ONNX's number of the element type float32. */
const FLOAT32 = 1;

/** A number, as a value that broadcasts to every shape. */
export function scalar(b: GraphBuilder, x: number): Value {
  return b.floats([x], []);
}

/** Zeros of a shape. */
export function zeros(b: GraphBuilder, shape: Shape): Value {
  return expand(b, scalar(b, 0), shape);
}

/** A function of each element, such as Sign or Sigmoid. */
export function map(
  b: GraphBuilder,
  operator: ActivationKind | ArithmeticKind,
  x: Value,
  attributes: Attributes = {},
): Value {
  return b.emit(operator, [x], { dtype: x.dtype, shape: x.shape }, attributes);
}

/** xʸ elementwise, broadcast. */
export function power(b: GraphBuilder, x: Value, y: Value): Value {
  return b.emit("Pow", [x, y], { dtype: x.dtype, shape: broadcast(x, y) });
}

/** The larger of x and y elementwise, broadcast. */
export function larger(b: GraphBuilder, x: Value, y: Value): Value {
  return b.emit("Max", [x, y], { dtype: x.dtype, shape: broadcast(x, y) });
}

/** The smaller of x and y elementwise, broadcast. */
export function smaller(b: GraphBuilder, x: Value, y: Value): Value {
  return b.emit("Min", [x, y], { dtype: x.dtype, shape: broadcast(x, y) });
}

/** Whether x and y compare as the operator says, elementwise and broadcast, as bool. */
export function compare(
  b: GraphBuilder,
  operator: "Equal" | "Greater" | "Less",
  x: Value,
  y: Value,
): Value {
  return b.emit(operator, [x, y], { dtype: "bool", shape: broadcast(x, y) });
}

/** Whether both of two bool values are true. */
export function both(b: GraphBuilder, x: Value, y: Value): Value {
  return b.emit("And", [x, y], { dtype: "bool", shape: broadcast(x, y) });
}

/** x where the condition is true, else y; all three broadcast. */
export function select(b: GraphBuilder, condition: Value, x: Value, y: Value): Value {
  const shape = broadcast(condition, x, y);
  return b.emit("Where", [condition, x, y], { dtype: x.dtype, shape });
}

/** The same numbers as float32; true is 1. */
export function toFloat(b: GraphBuilder, x: Value): Value {
  if (x.dtype === "float32") return x;
  const to = { kind: "int", value: FLOAT32 } as const;
  return b.emit("Cast", [x], { dtype: "float32", shape: x.shape }, { to });
}

function broadcast(...values: readonly Value[]): Shape {
  let shape: GraphShape | null = [];
  for (const value of values) shape = shape && broadcastShapes(shape, value.shape);
  const fixed = shape && fixedShape(shape);
  assert(fixed !== null, `[${values.map((value) => value.shape.join()).join("] [")}] broadcast`);
  return fixed;
}
