/** Operators that arrange elements without computing. */
import { assert } from "@everfresh/core";
import { intAttribute, intsAttribute } from "../graph/attributes.ts";
import type { Value } from "../graph/builder.ts";
import {
  divideDimensions,
  formatShape,
  multiplyDimensions,
  sizeOfShape,
} from "../graph/dimension.ts";
import { reshape, sizeAt, sum, sumTo, transpose } from "../graph/expressions.ts";
import type { Dimension, GraphNode, GraphShape } from "../graph/graph.ts";
import type { MovementKind } from "../graph/operator-kind.ts";
import { dropoutRule } from "./dropout.ts";
import {
  broadcastOrFail,
  fail,
  inputType,
  knownNumbers,
  knownValue,
  normaliseAxis,
  optionalInput,
} from "./inference.ts";
import { rearranged } from "./known-elements.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";

/** The rules of operators that arrange elements. */
export const MOVEMENT: { readonly [K in MovementKind]: OperatorRule } = {
  Dropout: dropoutRule,

  // y = x repeated to a larger shape:  ∂x = Σ ∂y over what was repeated.
  Expand: {
    infer: (call) => {
      const type = inputType(call, 0);
      const shape = broadcastOrFail(call.node, type.shape, knownValue(call, 1));
      const known = rearranged(type, shape, (position) =>
        position
          .slice(position.length - type.shape.length)
          .map((at, axis) => (type.shape[axis] === 1 ? 0 : at)),
      );
      return [{ dtype: type.dtype, shape, ...known }];
    },
    gradient: ({ builder, inputs, outputGradient }) => {
      const [x] = inputs;
      assert(!!x, "Expand has an input");
      return [sumTo(builder, outputGradient, x.shape), null];
    },
  },

  // Everything before `axis` as rows, everything from it on as columns.
  Flatten: {
    infer: (call) => {
      const { node } = call;
      const { dtype, shape } = inputType(call, 0);
      const stated = intAttribute(node, "axis", 1);
      const axis = stated < 0 ? stated + shape.length : stated;
      const rows = sizeOfShape(shape.slice(0, axis));
      const columns = sizeOfShape(shape.slice(axis));
      if (rows === null || columns === null) fail(node, `cannot flatten ${formatShape(shape)}`);
      return [{ dtype, shape: [rows, columns] }];
    },
    gradient: reshapeBack,
  },

  // y = x.
  Identity: {
    infer: (call) => [inputType(call, 0)],
    gradient: ({ outputGradient }) => [outputGradient],
  },

  // The same elements under another shape: 0 keeps a dimension, −1 is what remains.
  Reshape: {
    infer: (call) => {
      const { shape } = inputType(call, 0);
      return [sameElements(call, reshapedShape(call.node, shape, knownValue(call, 1)))];
    },
    gradient: reshapeBack,
  },

  // Without dimensions of size 1: those given, or all.
  Squeeze: {
    infer: (call) => {
      const { shape } = inputType(call, 0);
      const axes =
        optionalInput(call, 1) === null
          ? shape.flatMap((size, i) => (size === 1 ? [i] : []))
          : axesOf(call, shape.length);
      for (const axis of axes) {
        if (shape[axis] !== 1) fail(call.node, `dimension ${axis} is not of size 1`);
      }
      return [
        sameElements(
          call,
          shape.filter((_, i) => !axes.includes(i)),
        ),
      ];
    },
    gradient: reshapeBack,
  },

  Tile: { infer: inferTile, gradient: gradientOfTile },

  // Dimension i of y is dimension perm[i] of x; without perm, all in reverse:  ∂x by the inverse.
  Transpose: {
    infer: (call) => {
      const type = inputType(call, 0);
      const order = orderOf(call.node, type.shape.length);
      const shape = order.map((axis) => type.shape[axis] ?? 1);
      const known = rearranged(type, shape, (position) =>
        position.map((_, axis) => position[order.indexOf(axis)] ?? 0),
      );
      return [{ dtype: type.dtype, shape, ...known }];
    },
    gradient: ({ builder, node, outputGradient }) => {
      const order = orderOf(node, outputGradient.shape.length);
      const inverse = order.map((_, axis) => order.indexOf(axis));
      return [transpose(builder, outputGradient, inverse)];
    },
  },

  // One triangle of every matrix, with zeros in the place of the other:  ∂x = that triangle of ∂y.
  Trilu: {
    infer: (call) => {
      const { dtype, shape } = inputType(call, 0);
      if (shape.length < 2) fail(call.node, `${formatShape(shape)} is no matrix`);
      return [{ dtype, shape }];
    },
    gradient: ({ builder, node, inputs, outputGradient }) => {
      const operands = [outputGradient, ...inputs.slice(1)];
      const type = { dtype: outputGradient.dtype, shape: outputGradient.shape };
      const dx = builder.emit("Trilu", operands, type, node.attributes);
      return [dx, null].slice(0, inputs.length);
    },
    settings: [1],
  },

  // With new dimensions of size 1 at the given places of the result.
  Unsqueeze: {
    infer: (call) => {
      const type = inputType(call, 0);
      const count = knownNumbers(call, 1).length;
      const axes = axesOf(call, type.shape.length + count);
      const shape = [...type.shape];
      for (const axis of axes.toSorted((a, b) => a - b)) shape.splice(axis, 0, 1);
      return [sameElements(call, shape)];
    },
    gradient: reshapeBack,
  },
};

function reshapeBack({ builder, inputs, outputGradient }: GradientCall): readonly (Value | null)[] {
  const [x] = inputs;
  assert(!!x, "the operator has an input");
  return [reshape(builder, outputGradient, x.shape), null];
}

function reshapedShape(
  node: GraphNode,
  shape: GraphShape,
  target: readonly Dimension[],
): GraphShape {
  const keepsZero = intAttribute(node, "allowzero", 0) !== 0;
  const wanted = target.map((size, i): Dimension => {
    if (size !== 0 || keepsZero) return size;
    return shape[i] ?? fail(node, `keeps dimension ${i} of ${formatShape(shape)}`);
  });
  const size = sizeOfShape(shape);
  const stated = sizeOfShape(wanted.filter((dimension) => dimension !== -1));
  const open = wanted.filter((dimension) => dimension === -1).length;
  const rest = size === null || stated === null ? null : divideDimensions(size, stated);
  if (rest === null || open > 1 || (open === 0 && rest !== 1)) {
    fail(
      node,
      `${formatShape(shape)} does not reshape to ${formatShape(target)} for every batch size; ` +
        "export the model with a dynamic batch dimension",
    );
  }
  return wanted.map((dimension) => (dimension === -1 ? rest : dimension));
}

function orderOf(node: GraphNode, rank: number): readonly number[] {
  const reversed = Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const order = intsAttribute(node, "perm", reversed);
  if (
    order.length !== rank ||
    new Set(order).size !== rank ||
    order.some((i) => i < 0 || i >= rank)
  ) {
    fail(node, `perm [${order.join(", ")}] does not order ${rank} dimensions`);
  }
  return order;
}

function axesOf(call: InferenceCall, rank: number): readonly number[] {
  return knownNumbers(call, 1).map((axis) => normaliseAxis(call.node, axis, rank));
}

/** The input's type under another shape; known elements stay known. */
function sameElements(call: InferenceCall, shape: GraphShape): KnownType {
  const { dtype, value } = inputType(call, 0);
  return { dtype, shape, ...(value === undefined ? {} : { value }) };
}

function inferTile(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const { dtype, shape } = inputType(call, 0);
  const repeats = knownNumbers(call, 1);
  if (repeats.length !== shape.length) fail(node, "needs one number of repeats per dimension");
  const tiled = shape.map((size, i) => multiplyDimensions(size, repeats[i] ?? 1) ?? size);
  return [{ dtype, shape: tiled }];
}

/** x side by side, rᵢ times along dimension i:  ∂x = Σ over the copies of ∂y. */
function gradientOfTile({
  builder,
  inputs,
  outputGradient,
}: GradientCall): readonly (Value | null)[] {
  const [x] = inputs;
  assert(!!x, "Tile has an input");
  const copies = x.shape.flatMap((size, i) => [sizeAt(outputGradient.shape, i) / size, size]);
  const axes = copies.flatMap((count, i) => (i % 2 === 0 && count !== 1 ? [i] : []));
  const total = sum(builder, reshape(builder, outputGradient, copies), axes);
  return [reshape(builder, total, x.shape), null];
}
