/**
 * Training-mode batch normalisation on the blocked layout, where per-channel sums and
 * x · factor + offset are one pass over memory each (see graph/blocked-layout.ts).
 */
import { assert, sizeOf } from "@everfresh/core";
import type { BlockedLayout } from "../graph/blocked-layout.ts";
import type { GraphBuilder, OutputType, Value } from "../graph/builder.ts";
import { map, scalar } from "../graph/elementwise-expressions.ts";
import { add, divide, multiply, reshape, scale, subtract } from "../graph/expressions.ts";

/** The values of one batch normalisation. */
export interface BlockedNormalisation {
  readonly builder: GraphBuilder;
  readonly layout: BlockedLayout;
  readonly x: Value;
  readonly weight: Value;
  readonly epsilon: number;
}

/**
 * y = factor · x + offset with factor = s · r and offset = b − μ · factor, where
 *
 *   μ = Σ x / m      σ² = Σ x² / m − μ²      r = 1 / √(σ² + ε)
 *
 * over the m elements of a channel. The one-pass variance loses digits where |μ| is far above σ, which
 * convolutions of standardised images do not give.
 */
export function blockedForward(
  { builder: b, layout, x, weight, epsilon }: BlockedNormalisation,
  bias: Value,
  outputs: readonly [y: OutputType, mean: OutputType, variance: OutputType],
): readonly Value[] {
  const [y, meanAs, varianceAs] = outputs;
  const share = sizeOf(weight.shape) / sizeOf(x.shape);
  const mean = channelSums(b, layout, x, share, meanAs);
  const square = channelDots(b, layout, [x, x], share);
  const spread = subtract(b, square, multiply(b, mean, mean));
  const variance = b.emit("Max", [spread, scalar(b, 0)], varianceAs);
  const factor = multiply(b, weight, reciprocalDeviation(b, variance, epsilon));
  const offset = subtract(b, bias, multiply(b, mean, factor));
  return [layout.scaleAndShift(x, { factor, offset }, y), mean, variance];
}

/**
 * With the m elements per channel:
 *
 *   ∂b = Σ ∂y      ∂s = r · (Σ ∂y · x − μ · ∂b)      ∂x = factor · ∂y + p · x + q
 *
 *   p = −factor · r · ∂s / m      q = −factor · ∂b / m − p · μ
 */
export function blockedGradient(
  { builder: b, layout, x, weight, epsilon }: BlockedNormalisation,
  { dy, mean, variance }: { readonly dy: Value; readonly mean: Value; readonly variance: Value },
): { readonly dx: () => Value; readonly dWeight: Value; readonly dBias: Value } {
  const r = reciprocalDeviation(b, variance, epsilon);
  const dBias = channelSums(b, layout, dy, 1);
  const along = channelDots(b, layout, [dy, x], 1);
  const dWeight = multiply(b, r, subtract(b, along, multiply(b, mean, dBias)));
  const dx = (): Value => {
    const factor = multiply(b, weight, r);
    const share = scale(b, factor, -sizeOf(weight.shape) / sizeOf(x.shape));
    const p = multiply(b, share, multiply(b, r, dWeight));
    const q = subtract(b, multiply(b, share, dBias), multiply(b, p, mean));
    const { dtype, shape } = x;
    const linear = layout.scaleAndShift(x, { factor: p, offset: q }, { dtype, shape });
    return layout.scaleAndShift(dy, { factor, offset: null, sum: linear }, { dtype, shape });
  };
  return { dx, dWeight, dBias };
}

/** factor · Σ of each channel. */
function channelSums(
  b: GraphBuilder,
  layout: BlockedLayout,
  x: Value,
  factor: number,
  output?: OutputType,
): Value {
  const pixels = pixelsOf(x);
  const perSample = pixels === 1 ? rowsOf(b, x) : layout.pixelMeans(x);
  return columnSums(b, perSample, factor * pixels, output);
}

/** factor · Σ of x · y of each channel. */
function channelDots(
  b: GraphBuilder,
  layout: BlockedLayout,
  operands: readonly [Value, Value],
  factor: number,
): Value {
  const [x, y] = operands;
  const perSample = pixelsOf(x) === 1 ? rowsOf(b, multiply(b, x, y)) : layout.dot(x, y);
  return columnSums(b, perSample, factor);
}

/** factor · Σ of each column of a matrix: a product with a constant is one quick operator. */
function columnSums(b: GraphBuilder, x: Value, factor: number, output?: OutputType): Value {
  const [rows = 0, columns = 0] = x.shape;
  const factors = b.floats(Array.from({ length: rows }, () => factor));
  return b.emit("MatMul", [factors, x], output ?? { dtype: x.dtype, shape: [columns] });
}

/** Images of one pixel as rows. */
function rowsOf(b: GraphBuilder, x: Value): Value {
  return reshape(b, x, x.shape.slice(0, 2));
}

function pixelsOf(x: Value): number {
  const [, , height, width] = x.shape;
  assert(height !== undefined && width !== undefined, "images have four dimensions");
  return height * width;
}

/** 1 / √(σ² + ε) per channel. */
function reciprocalDeviation(b: GraphBuilder, variance: Value, epsilon: number): Value {
  return divide(b, scalar(b, 1), map(b, "Sqrt", add(b, variance, scalar(b, epsilon))));
}
