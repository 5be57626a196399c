/** What the shape rules of all operators share. */
import { ShapeInferenceError, UnsupportedOperatorError } from "../errors.ts";
import { broadcastShapes, formatShape } from "../graph/dimension.ts";
import type { Dimension, GraphNode, GraphShape } from "../graph/graph.ts";
import type { InferenceCall, KnownType } from "./operator.ts";

/** The type of a required input. */
export function inputType({ node, inputs }: InferenceCall, index: number): KnownType {
  const type = inputs[index];
  if (type === undefined || type === null) fail(node, `input ${index} is missing`);
  return type;
}

/** The type of an optional input, or null. */
export function optionalInput({ inputs }: InferenceCall, index: number): KnownType | null {
  return inputs[index] ?? null;
}

/** The elements of a required int64 input that must be known before the graph runs. */
export function knownValue(call: InferenceCall, index: number): readonly Dimension[] {
  const { value } = inputType(call, index);
  if (value === undefined) {
    fail(call.node, `input ${index} ("${call.node.inputs[index] ?? ""}") must be a constant`);
  }
  return value;
}

/** Like {@link knownValue}, where the elements must not depend on the batch size. */
export function knownNumbers(call: InferenceCall, index: number): readonly number[] {
  return knownValue(call, index).map((element) => {
    if (typeof element === "number") return element;
    return fail(call.node, `input ${index} depends on the batch size`);
  });
}

/** The one output of an operator that changes no shape. */
export function sameAsInput(call: InferenceCall): readonly KnownType[] {
  const { dtype, shape } = inputType(call, 0);
  return [{ dtype, shape }];
}

/** The one output of an operator that broadcasts its two inputs. */
export function broadcastInputs(call: InferenceCall): readonly KnownType[] {
  const left = inputType(call, 0);
  const right = inputType(call, 1);
  if (left.dtype !== right.dtype) {
    fail(call.node, `inputs are ${left.dtype} and ${right.dtype}`);
  }
  return [{ dtype: left.dtype, shape: broadcastOrFail(call.node, left.shape, right.shape) }];
}

/** The broadcast shape, or a {@link ShapeInferenceError}. */
export function broadcastOrFail(node: GraphNode, a: GraphShape, b: GraphShape): GraphShape {
  const shape = broadcastShapes(a, b);
  if (shape === null) fail(node, `${formatShape(a)} and ${formatShape(b)} do not broadcast`);
  return shape;
}

/** `axis` counted from the front; a negative axis counts from the end. */
export function normaliseAxis(node: GraphNode, axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (normal < 0 || normal >= rank) fail(node, `axis ${axis} of a value with ${rank} dimensions`);
  return normal;
}

/** The size of dimension `index`, which must not depend on the batch. */
export function fixedSize(node: GraphNode, shape: GraphShape, index: number): number {
  const size = shape[index];
  if (typeof size !== "number") {
    fail(node, `dimension ${index} of ${formatShape(shape)} must be a known number`);
  }
  return size;
}

/** Throws the {@link ShapeInferenceError} of this node. */
export function fail(node: GraphNode, reason: string): never {
  throw new ShapeInferenceError(node.operator, node.name, reason);
}

/** Throws the {@link UnsupportedOperatorError} of this node. */
export function unsupported(node: GraphNode, reason: string): never {
  throw new UnsupportedOperatorError(node.operator, node.name, reason);
}
