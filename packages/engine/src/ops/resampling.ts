/** Operators that change the resolution of images. */
import { assert } from "@everfresh/core";
import { intAttribute, stringAttribute } from "../graph/attributes.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { divideDimensions, formatShape, sameDimension } from "../graph/dimension.ts";
import { matMul, reshape, sizeAt, transpose } from "../graph/expressions.ts";
import type { GraphNode, GraphShape } from "../graph/graph.ts";
import type { ResamplingKind } from "../graph/operator-kind.ts";
import { fail, fixedSize, inputType, knownValue, optionalInput, unsupported } from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";

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
      "height and width of images by whole factors, modes nearest and linear; no cubic, " +
      "antialias, axes or half_pixel_symmetric",
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
  imageShape(node, shape);
  const mode = stringAttribute(node, "mode", "nearest");
  if (mode !== "nearest" && mode !== "linear") unsupported(node, `resizes in mode "${mode}"`);
  if (intAttribute(node, "antialias", 0) !== 0) unsupported(node, "resizes with antialias");
  if (node.attributes["axes"] !== undefined) unsupported(node, "resizes stated axes only");
  if (stringAttribute(node, "keep_aspect_ratio_policy", "stretch") !== "stretch") {
    unsupported(node, "keeps the aspect ratio");
  }
  const [rows, columns] = factorsOf(call, shape);
  // Refuses what has no matrix.
  matrixOf(node, fixedSize(node, shape, 2), rows);
  matrixOf(node, fixedSize(node, shape, 3), columns);
  const resized = shape.map((size, i) =>
    i < 2 ? size : fixedSize(node, shape, i) * (i === 2 ? rows : columns),
  );
  return [{ dtype, shape: resized }];
}

/** How many times as high and as wide the image becomes. */
function factorsOf(call: InferenceCall, shape: GraphShape): readonly [number, number] {
  const { node } = call;
  const sizes = optionalInput(call, 3);
  if (sizes !== null) {
    const wanted = knownValue(call, 3);
    if (!wanted.slice(0, 2).every((size, i) => sameDimension(size, shape[i] ?? -1))) {
      unsupported(node, "resizes more than height and width");
    }
    const factor = (i: number): number =>
      wholeFactor(node, fixedSize(node, wanted, i) / fixedSize(node, shape, i));
    return [factor(2), factor(3)];
  }
  const scales = optionalInput(call, 2)?.constant;
  if (scales === undefined) fail(node, "scales must be a constant");
  const [n, c, rows, columns] = Array.from(scales.data, Number);
  if (n !== 1 || c !== 1) unsupported(node, "resizes more than height and width");
  return [wholeFactor(node, rows ?? 0), wholeFactor(node, columns ?? 0)];
}

function wholeFactor(node: GraphNode, factor: number): number {
  if (Number.isInteger(factor) && factor >= 1) return factor;
  return unsupported(node, `resizes by ${factor}, which is not a whole factor`);
}

/**
 * Resizing is linear along each axis: y = R · x · Cᵀ with one row of weights per output row or
 * column. So
 *
 *   ∂x = Rᵀ · ∂y · C
 */
function gradientOfResize(call: GradientCall): readonly (Value | null)[] {
  const { builder, node, inputs, outputGradient } = call;
  const [x] = inputs;
  assert(!!x, "Resize has an input");
  const [height, width] = [sizeAt(x.shape, 2), sizeAt(x.shape, 3)];
  const columns = matrixOf(node, width, sizeAt(outputGradient.shape, 3) / width);
  const rows = matrixOf(node, height, sizeAt(outputGradient.shape, 2) / height);
  const narrow = matMul(builder, outputGradient, toValue(builder, columns));
  const rowsTransposed = transpose(builder, toValue(builder, rows), [1, 0]);
  return [matMul(builder, rowsTransposed, narrow), ...inputs.slice(1).map(() => null)];
}

function toValue(builder: GraphBuilder, matrix: readonly (readonly number[])[]): Value {
  return builder.floats(matrix.flat(), [matrix.length, matrix[0]?.length ?? 0]);
}

/** The weights of `size` input elements in each of size · factor output elements. */
function matrixOf(node: GraphNode, size: number, factor: number): readonly (readonly number[])[] {
  const nearest = stringAttribute(node, "mode", "nearest") === "nearest";
  return Array.from({ length: size * factor }, (_, out) => {
    const row = Array.from({ length: size }, () => 0);
    // ONNX Runtime copies where nothing is resized, whatever the coordinates.
    const place = factor === 1 ? out : placeOf(node, { out, size, factor });
    if (nearest) {
      const at = Math.min(Math.max(nearestOf(node, place), 0), size - 1);
      row[at] = 1;
      return row;
    }
    const inside = Math.min(Math.max(place, 0), size - 1);
    const left = Math.floor(inside);
    const right = Math.min(left + 1, size - 1);
    row[left] = (row[left] ?? 0) + 1 - (inside - left);
    row[right] = (row[right] ?? 0) + (inside - left);
    return row;
  });
}

/** Where output element `out` lies among the input elements. */
function placeOf(
  node: GraphNode,
  { out, size, factor }: { readonly out: number; readonly size: number; readonly factor: number },
): number {
  const mode = stringAttribute(node, "coordinate_transformation_mode", "half_pixel");
  switch (mode) {
    case "half_pixel":
    case "pytorch_half_pixel":
      return (out + 0.5) / factor - 0.5;
    case "asymmetric":
      return out / factor;
    case "align_corners":
      return (out * (size - 1)) / (size * factor - 1);
    default:
      return unsupported(node, `has coordinate_transformation_mode "${mode}"`);
  }
}

function nearestOf(node: GraphNode, place: number): number {
  const mode = stringAttribute(node, "nearest_mode", "round_prefer_floor");
  switch (mode) {
    case "round_prefer_floor":
      return Math.ceil(place - 0.5);
    case "round_prefer_ceil":
      return Math.floor(place + 0.5);
    case "floor":
      return Math.floor(place);
    case "ceil":
      return Math.ceil(place);
    default:
      return unsupported(node, `has nearest_mode "${mode}"`);
  }
}

function imageShape(node: GraphNode, shape: GraphShape): GraphShape {
  if (shape.length !== 4) unsupported(node, `works on images, not on ${formatShape(shape)}`);
  return shape;
}
