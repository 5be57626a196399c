/**
 * Convolutions of small images as matrix products over all samples at once, in the layout of rows
 * [samples · pixels, channels]. On an image of a few pixels a convolution per sample is a product of
 * a few columns, far from what the CPU can do, and much of a kernel meets padding.
 */
import type { GraphBuilder, OutputType, Value } from "../graph/builder.ts";
import { add, product, reshape, transpose } from "../graph/expressions.ts";
import { type Convolution, isStrided, tapCount } from "./formulation.ts";
import { map2, type Window } from "./window.ts";

/** Y = X · Wᵀ over rows: a convolution whose windows are one pixel. */
export function forwardOfRows(
  { builder, filters, channels }: Convolution,
  { x, w, bias }: { readonly x: Value; readonly w: Value; readonly bias: Value | null },
  output: OutputType,
): Value {
  const matrix = reshape(builder, w, [filters, channels]);
  const y = product(builder, rowsOf(builder, x), matrix, { transposeY: true });
  return imagesOf(builder, bias === null ? y : add(builder, y, bias), output);
}

/** ∂X = ∂Y · W over rows. */
export function inputGradientOfRows(
  { builder, filters, channels }: Convolution,
  { dy, w }: { readonly dy: Value; readonly w: Value },
  output: OutputType,
): Value {
  const matrix = reshape(builder, w, [filters, channels]);
  return imagesOf(builder, product(builder, rowsOf(builder, dy), matrix), output);
}

/** ∂W = ∂Yᵀ · X over rows: of the pixels that windows of one pixel stand on. */
export function weightGradientOfRows(
  convolution: Convolution,
  { dy, x }: { readonly dy: Value; readonly x: Value },
): Value {
  const { builder, filters, channels, window } = convolution;
  const seen = isStrided(convolution) ? seenPixels(convolution, x) : x;
  const rows = [rowsOf(builder, dy), rowsOf(builder, seen)] as const;
  const matrix = product(builder, ...rows, { transposeX: true });
  return reshape(builder, matrix, [filters, channels, ...window.kernel]);
}

/**
 * One row per sample, and a matrix D from every input pixel to every output pixel:
 *
 *   Y[n, (p, o)] = Σ X[n, (q, c)] · D[(p, o), (q, c)]      D[(p, o), (q, c)] = W[o, c, tap(p, q)]
 *
 * with zeros where no element of the kernel reaches from p to q.
 */
export function forwardOfDense(
  convolution: Convolution,
  { x, w, bias }: { readonly x: Value; readonly w: Value; readonly bias: Value | null },
  output: OutputType,
): Value {
  const { builder, samples, filters } = convolution;
  const { inputs, outputs } = pixelCounts(convolution.window);
  const rows = reshape(builder, rowsOf(builder, x), [samples, inputs * convolution.channels]);
  const dense = denseWeights(convolution, w);
  const y = product(builder, rows, dense, { transposeY: true });
  const pixels = reshape(builder, y, [samples * outputs, filters]);
  return imagesOf(builder, bias === null ? pixels : add(builder, pixels, bias), output);
}

/** ∂X = ∂Y · D. */
export function inputGradientOfDense(
  convolution: Convolution,
  { dy, w }: { readonly dy: Value; readonly w: Value },
  output: OutputType,
): Value {
  const { builder, samples, filters, channels } = convolution;
  const { inputs, outputs } = pixelCounts(convolution.window);
  const rows = reshape(builder, rowsOf(builder, dy), [samples, outputs * filters]);
  const dx = product(builder, rows, denseWeights(convolution, w));
  return imagesOf(builder, reshape(builder, dx, [samples * inputs, channels]), output);
}

/** ∂D = ∂Yᵀ · X, and ∂W[o, c, t] = Σ of ∂D[(p, o), (q, c)] over all p, q with tap(p, q) = t. */
export function weightGradientOfDense(
  convolution: Convolution,
  { dy, x }: { readonly dy: Value; readonly x: Value },
): Value {
  const { builder, samples, filters, channels, window } = convolution;
  const { inputs, outputs } = pixelCounts(window);
  const left = reshape(builder, rowsOf(builder, dy), [samples, outputs * filters]);
  const right = reshape(builder, rowsOf(builder, x), [samples, inputs * channels]);
  const dense = product(builder, left, right, { transposeX: true });
  const apart = reshape(builder, dense, [outputs, filters, inputs, channels]);
  const byPair = transpose(builder, apart, [0, 2, 1, 3]);
  const pairs = reshape(builder, byPair, [outputs * inputs, filters * channels]);
  const gathered = product(builder, pairs, tapsOfPairs(builder, window), { transposeX: true });
  return reshape(builder, gathered, [filters, channels, ...window.kernel]);
}

/** The pixels of X that windows of one pixel stand on, in the standard layout. */
export function seenPixels({ builder, window }: Convolution, x: Value): Value {
  const { strides, output } = window;
  const shape = [...x.shape.slice(0, 2), ...output];
  const ends = map2((i) => (output[i] - 1) * strides[i] + 1);
  const inputs = [[0, 0], ends, [2, 3], strides].map((values) => builder.ints(values));
  return builder.emit("Slice", [x, ...inputs], { dtype: x.dtype, shape });
}

/** D: [output pixels · filters, input pixels · channels]. */
function denseWeights({ builder, window, filters, channels }: Convolution, w: Value): Value {
  const { inputs, outputs } = pixelCounts(window);
  const flat = reshape(builder, w, [filters * channels, tapCount(window)]);
  const pairs = product(builder, tapsOfPairs(builder, window), flat, { transposeY: true });
  const apart = reshape(builder, pairs, [outputs, inputs, filters, channels]);
  const ordered = transpose(builder, apart, [0, 2, 1, 3]);
  return reshape(builder, ordered, [outputs * filters, inputs * channels]);
}

/** [output pixels · input pixels, kernel elements]: 1 where the element reaches from p to q. */
function tapsOfPairs(builder: GraphBuilder, window: Window): Value {
  const { input, kernel, strides, dilations, before, output } = window;
  const { inputs, outputs } = pixelCounts(window);
  const taps = tapCount(window);
  const values = Array.from({ length: outputs * inputs * taps }, (_, index) => {
    const tap = index % taps;
    const q = Math.floor(index / taps) % inputs;
    const p = Math.floor(index / (taps * inputs));
    const place = [Math.floor(p / output[1]), p % output[1]] as const;
    const element = [Math.floor(tap / kernel[1]), tap % kernel[1]] as const;
    const at = map2((i) => place[i] * strides[i] + element[i] * dilations[i] - before[i]);
    return at[0] === Math.floor(q / input[1]) && at[1] === q % input[1] ? 1 : 0;
  });
  return builder.floats(values, [outputs * inputs, taps]);
}

function pixelCounts({ input, output }: Window): {
  readonly inputs: number;
  readonly outputs: number;
} {
  return { inputs: input[0] * input[1], outputs: output[0] * output[1] };
}

/** [samples · pixels, channels] of images. */
function rowsOf(builder: GraphBuilder, x: Value): Value {
  const [n = 0, c = 0, h = 0, w = 0] = x.shape;
  const shape = [n * h * w, c];
  if (h * w === 1) return reshape(builder, x, shape);
  const blocked = builder.blocked;
  const last = blocked?.has(x) === true ? blocked.rowsOf(x) : transpose(builder, x, [0, 2, 3, 1]);
  return reshape(builder, last, shape);
}

/** Images of rows, under the wanted name. */
function imagesOf(builder: GraphBuilder, rows: Value, output: OutputType): Value {
  const { dtype, shape, as } = output;
  const [n = 0, c = 0, h = 0, w = 0] = shape;
  if (h * w === 1) return builder.emit("Reshape", [rows, builder.ints(shape)], output);
  const last = reshape(builder, rows, [n, h, w, c]);
  const images = transpose(builder, { ...last, dtype }, [0, 3, 1, 2], as);
  builder.blocked?.adoptRows(images, last);
  return images;
}
