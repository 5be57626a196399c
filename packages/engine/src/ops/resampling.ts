/** Operators that change the resolution of images. */
import { assert } from "@everfresh/core";
import { intAttribute, stringAttribute } from "../graph/attributes.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { divideDimensions, formatShape, sameDimension } from "../graph/dimension.ts";
import { matMul, reshape, transpose } from "../graph/expressions.ts";
import type { GraphNode, GraphShape } from "../graph/graph.ts";
import type { ResamplingKind } from "../graph/operator-kind.ts";
import { fail, fixedSize, inputType, knownValue, optionalInput, unsupported } from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";
import { type AxisResize, resizeWeights } from "./resampling-weights.ts";

/** The rules of operators that change the resolution of images. */
export const RESAMPLING: { readonly [K in ResamplingKind]: OperatorRule } = {
  // Blocks of channels become blocks of pixels:  ∂x = the reverse of ∂y.
  DepthToSpace: {
    infer: (call) => {
      const { node } = call;
      const { dtype, shape } = inputType(call, 0);
      const [n = 1, , h = 1, w = 1] = imageShape(node, shape);
      const b = intAttribute(node, "blocksize", 1);
      const channels = divideDimensions(fixedSize(node, shape, 1), b * b);
      const [rows, columns] = [fixedSize(node, [h], 0) * b, fixedSize(node, [w], 0) * b];
      if (channels === null) fail(node, `${formatShape(shape)} has no blocks of ${b * b} channels`);
      return [{ dtype, shape: [n, channels, rows, columns] }];
    },
    gradient: gradientOfDepthToSpace,
  },

  Resize: {
    infer: inferResize,
    gradient: gradientOfResize,
    settings: [1, 2],
    note:
      "the axes after batch and channels, of images or series; no antialias, axes, " +
      "exclude_outside or tf_crop_and_resize",
  },

  // Blocks of pixels become blocks of channels:  ∂x = the reverse of ∂y.
  SpaceToDepth: {
    infer: (call) => {
      const { node } = call;
      const { dtype, shape } = inputType(call, 0);
      const [n = 1] = imageShape(node, shape);
      const b = intAttribute(node, "blocksize", 1);
      const [rows, columns] = [fixedSize(node, shape, 2) / b, fixedSize(node, shape, 3) / b];
      if (!Number.isInteger(rows) || !Number.isInteger(columns)) {
        fail(node, `${formatShape(shape)} has no blocks of ${b} x ${b} pixels`);
      }
      return [{ dtype, shape: [n, fixedSize(node, shape, 1) * b * b, rows, columns] }];
    },
    gradient: ({ builder, node, inputs, outputGradient }) => {
      const [x] = inputs;
      assert(!!x, "SpaceToDepth has an input");
      const blocksize = { kind: "int", value: intAttribute(node, "blocksize", 1) } as const;
      const type = { dtype: x.dtype, shape: x.shape };
      return [builder.emit("DepthToSpace", [outputGradient], type, { blocksize })];
    },
  },
};

/** DCR keeps a block's pixels apart in the channels, as SpaceToDepth does; CRD keeps them together. */
function gradientOfDepthToSpace(call: GradientCall): readonly (Value | null)[] {
  const { builder, node, inputs, outputGradient } = call;
  const [x] = inputs;
  assert(!!x, "DepthToSpace has an input");
  const b = intAttribute(node, "blocksize", 1);
  if (stringAttribute(node, "mode", "DCR") === "DCR") {
    const blocksize = { kind: "int", value: b } as const;
    const type = { dtype: x.dtype, shape: x.shape };
    return [builder.emit("SpaceToDepth", [outputGradient], type, { blocksize })];
  }
  const [n = 1, channels = 1, rows = 1, columns = 1] = outputGradient.shape;
  const blocks = [n, channels, rows / b, b, columns / b, b];
  const order = [0, 1, 3, 5, 2, 4];
  const apart = transpose(builder, reshape(builder, outputGradient, blocks), order);
  return [reshape(builder, apart, x.shape)];
}

function inferResize(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const { dtype, shape } = inputType(call, 0);
  if (shape.length < 3 || shape.length > 4) {
    unsupported(node, `works on images or series, not on ${formatShape(shape)}`);
  }
  if (intAttribute(node, "antialias", 0) !== 0) unsupported(node, "resizes with antialias");
  if (node.attributes["axes"] !== undefined) unsupported(node, "resizes stated axes only");
  if (stringAttribute(node, "keep_aspect_ratio_policy", "stretch") !== "stretch") {
    unsupported(node, "keeps the aspect ratio");
  }
  const axes = axesOf(call, shape);
  // Refuses what has no matrix.
  for (const axis of axes) resizeWeights(node, axis);
  return [{ dtype, shape: [...shape.slice(0, 2), ...axes.map(({ resized }) => resized)] }];
}

/** How every axis after batch and channels is resized. */
function axesOf(call: InferenceCall, shape: GraphShape): readonly AxisResize[] {
  const { node } = call;
  const spatial = shape.slice(2).map((_, i) => fixedSize(node, shape, i + 2));
  if (optionalInput(call, 3) !== null) {
    const wanted = knownValue(call, 3);
    if (!wanted.slice(0, 2).every((size, i) => sameDimension(size, shape[i] ?? -1))) {
      unsupported(node, "resizes batch or channels");
    }
    return spatial.map((size, i) => {
      const resized = fixedSize(node, wanted, i + 2);
      return { size, resized, scale: Math.fround(resized / size) };
    });
  }
  const scales = optionalInput(call, 2)?.value ?? [];
  if (scales.length !== shape.length) fail(node, "scales must be known numbers, one for each axis");
  const [n, c, ...rest] = scales;
  if (n !== 1 || c !== 1) unsupported(node, "resizes batch or channels");
  return spatial.map((size, i) => {
    const scale = fixedSize(node, rest, i);
    return { size, resized: Math.floor(size * scale), scale };
  });
}

/**
 * Resizing is linear along each axis: y = R · x · Cᵀ with one row of weights per output row or
 * column. So
 *
 *   ∂x = Rᵀ · ∂y · C
 */
function gradientOfResize(call: GradientCall): readonly (Value | null)[] {
  const { builder, node, inputs, inputTypes, outputGradient } = call;
  const [x] = inputs;
  assert(!!x, "Resize has an input");
  const axes = axesOf({ node, inputs: inputTypes }, x.shape);
  const columns = axes.at(-1);
  assert(columns !== undefined, "there is an axis to resize");
  let dx = matMul(builder, outputGradient, toValue(builder, resizeWeights(node, columns)));
  const [rows] = axes.slice(0, -1);
  if (rows !== undefined) {
    const weights = toValue(builder, resizeWeights(node, rows));
    dx = matMul(builder, transpose(builder, weights, [1, 0]), dx);
  }
  return [dx, ...inputs.slice(1).map(() => null)];
}

function toValue(builder: GraphBuilder, matrix: readonly (readonly number[])[]): Value {
  return builder.floats(matrix.flat(), [matrix.length, matrix[0]?.length ?? 0]);
}

function imageShape(node: GraphNode, shape: GraphShape): GraphShape {
  if (shape.length !== 4) unsupported(node, `works on images, not on ${formatShape(shape)}`);
  return shape;
}
