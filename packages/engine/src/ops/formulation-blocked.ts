/** Convolutions on ONNX Runtime's blocked layout, see graph/blocked-layout.ts. */
import { assert } from "@everfresh/core";
import type { BlockedLayout } from "../graph/blocked-layout.ts";
import type { GraphBuilder, OutputType, Value } from "../graph/builder.ts";
import { pad, product, reshape, reverse, transpose } from "../graph/expressions.ts";
import type { Attributes } from "../graph/graph.ts";
import { type Convolution, isDepthwise, tapCount } from "./formulation.ts";
import { both, map2, type Pair } from "./window.ts";

/** Y by a blocked convolution of X; images of a few channels are read in the standard layout. */
export function forwardOfBlocked(
  convolution: Convolution,
  { x, w, bias }: { readonly x: Value; readonly w: Value; readonly bias: Value | null },
  output: OutputType,
): Value {
  const { builder, window, groups, channels } = convolution;
  const layout = layoutOf(builder);
  const image = channels % layout.block === 0 ? layout.of(x) : x;
  const inputs = [image, forwardWeights(convolution, w), ...(bias === null ? [] : [bias])];
  return layout.emitImage("Conv", inputs, output, attributesOf({ ...window, groups }));
}

/**
 * ∂X by a blocked convolution of ∂Y with the kernels turned by 180°. With strides s, a depthwise
 * convolution first spreads ∂Y, s − 1 zeros between its pixels; another computes the s · s pixels of
 * ∂X that one pixel of ∂Y stands for as so many channels, and puts them in their places.
 */
export function inputGradientOfBlocked(
  convolution: Convolution,
  { dy, w }: { readonly dy: Value; readonly w: Value },
  output: OutputType,
): Value {
  const { builder, window, groups } = convolution;
  const { strides, kernel, dilations, before, after, input } = window;
  const layout = layoutOf(builder);
  const strided = !both((i) => strides[i] === 1);
  if (strided && !isDepthwise(convolution)) return strideGradient(convolution, { dy, w }, output);
  const image = strided ? spread(layout, builder, layout.of(dy), strides) : layout.of(dy);
  const reach = map2((i) => dilations[i] * (kernel[i] - 1));
  const start = map2((i) => reach[i] - before[i]);
  const end = strided
    ? map2((i) => input[i] - (image.shape[2 + i] ?? 0) - start[i] + reach[i])
    : map2((i) => reach[i] - after[i]);
  const inputs = [image, turnedWeights(convolution, w)];
  const geometry = { kernel, strides: [1, 1], dilations, before: start, after: end } as const;
  return layout.emitImage("Conv", inputs, output, attributesOf({ ...geometry, groups }));
}

/** The attributes of a convolution. */
export function attributesOf(geometry: {
  readonly kernel: Pair;
  readonly strides?: Pair;
  readonly dilations?: Pair;
  readonly before?: Pair;
  readonly after?: Pair;
  readonly groups?: number;
}): Attributes {
  const { kernel, strides = [1, 1], dilations = [1, 1], groups = 1 } = geometry;
  const { before = [0, 0], after = [0, 0] } = geometry;
  return {
    kernel_shape: { kind: "ints", value: kernel },
    strides: { kind: "ints", value: strides },
    dilations: { kind: "ints", value: dilations },
    group: { kind: "int", value: groups },
    pads: { kind: "ints", value: [...before, ...after] },
  };
}

/** The layout, which whoever chose a blocked formulation knows to be there. */
export function layoutOf(builder: GraphBuilder): BlockedLayout {
  const { blocked } = builder;
  assert(blocked !== null, "the graph may use the blocked layout");
  return blocked;
}

/**
 * The s · s pixels of ∂X at a place, as channels: pixel a (of rows; columns alike) at place i is
 * reached by the elements t of the kernel with t ≡ a + before (mod s), from ∂Y at
 * i + (a + before − t) / s. All phases share one window over the smallest to the largest offset.
 */
function strideGradient(
  convolution: Convolution,
  { dy, w }: { readonly dy: Value; readonly w: Value },
  output: OutputType,
): Value {
  const { builder, window, samples, channels, filters } = convolution;
  const { kernel, strides, before, input, output: places } = window;
  const layout = layoutOf(builder);
  const { block } = layout;
  const along = [
    phases(kernel[0], strides[0], before[0]),
    phases(kernel[1], strides[1], before[1]),
  ];
  const [rows, columns] = along;
  assert(rows !== undefined && columns !== undefined, "there are rows and columns");
  // Which element of the kernel each phase has at each offset: a matrix of zeros and ones.
  const taps = rows.taps.flatMap((r) =>
    columns.taps.flatMap((c) =>
      r.flatMap((i) => c.map((j) => (i === null || j === null ? null : i * kernel[1] + j))),
    ),
  );
  const selection = builder.floats(
    taps.flatMap((tap) => Array.from({ length: tapCount(window) }, (_, i) => (i === tap ? 1 : 0))),
    [taps.length, tapCount(window)],
  );
  const flat = reshape(builder, w, [filters * channels, tapCount(window)]);
  const selected = product(builder, selection, flat, { transposeY: true });
  const count = strides[0] * strides[1];
  const size: Pair = [rows.size, columns.size];
  const apart = reshape(builder, selected, [
    count,
    size[0] * size[1],
    filters / block,
    block,
    channels / block,
    block,
  ]);
  const ordered = transpose(builder, apart, [0, 4, 2, 1, 3, 5]);
  const weights = reshape(builder, ordered, [count * channels, filters, ...size]);
  const first: Pair = [rows.first, columns.first];
  const pads = {
    before: map2((i) => -first[i]),
    after: map2((i) => first[i] + size[i] - 1),
  };
  const image = layout.emit(
    "Conv",
    [layout.of(dy), weights],
    { dtype: dy.dtype, shape: [samples, count * channels, ...places] },
    attributesOf({ kernel: size, ...pads }),
  );
  const pixels = reshape(builder, image, [samples, ...strides, channels / block, ...places, block]);
  const interleaved = transpose(builder, pixels, [0, 3, 4, 1, 5, 2, 6]);
  return layout.adopt(reshape(builder, interleaved, [samples, channels, ...input]), output);
}

/** For each phase, the element of the kernel at each offset from `first` on, null for none. */
function phases(
  kernel: number,
  stride: number,
  before: number,
): {
  readonly first: number;
  readonly size: number;
  readonly taps: readonly (readonly (number | null)[])[];
} {
  const reached = Array.from({ length: stride }, (_, phase) =>
    Array.from({ length: kernel }, (_, tap) => ({
      tap,
      offset: (phase + before - tap) / stride,
    })).filter(({ offset }) => Number.isInteger(offset)),
  );
  const offsets = reached.flat().map(({ offset }) => offset);
  const [first, last] = [Math.min(0, ...offsets), Math.max(0, ...offsets)];
  const size = last - first + 1;
  const taps = reached.map((phase) =>
    Array.from(
      { length: size },
      (_, i) => phase.find(({ offset }) => offset === first + i)?.tap ?? null,
    ),
  );
  return { first, size, taps };
}

/** Zeros after every pixel of a blocked image, strides − 1 to the right and below. */
function spread(layout: BlockedLayout, builder: GraphBuilder, x: Value, strides: Pair): Value {
  const [n = 0, c = 0, h = 0, w = 0] = x.shape;
  const apart = reshape(builder, x, [(n * c * h) / layout.block, 1, w, 1, layout.block]);
  const zeros = [0, strides[0] - 1, 0, strides[1] - 1, 0];
  const padded = pad(builder, apart, [0, 0, 0, 0, 0], zeros);
  return reshape(builder, padded, [n, c, h * strides[0], w * strides[1]]);
}

/** W as blocked convolutions take it: [O / b, C / b, elements, b of C, b of O] and its likes. */
function forwardWeights(convolution: Convolution, w: Value): Value {
  const { builder, window, channels, filters } = convolution;
  const { block } = layoutOf(builder);
  const taps = tapCount(window);
  if (isDepthwise(convolution)) return depthwiseWeights(convolution, w);
  if (channels % block !== 0) {
    const apart = reshape(builder, w, [filters / block, block, channels * taps]);
    return reshape(builder, transpose(builder, apart, [0, 2, 1]), w.shape);
  }
  // Three transpositions of matrices are faster than one of six dimensions.
  const flat = transpose(builder, reshape(builder, w, [filters * channels, taps]), [1, 0]);
  const byFilter = reshape(builder, flat, [(taps * filters) / block, block, channels]);
  const byChannel = transpose(builder, byFilter, [0, 2, 1]);
  const blocks = reshape(builder, byChannel, [
    taps,
    filters / block,
    channels / block,
    block * block,
  ]);
  return reshape(builder, transpose(builder, blocks, [1, 2, 0, 3]), w.shape);
}

/** The weights of ∂X: kernels turned by 180°, filters and channels exchanged. */
function turnedWeights(convolution: Convolution, w: Value): Value {
  const { builder, window, channels, filters } = convolution;
  const { block } = layoutOf(builder);
  const taps = tapCount(window);
  if (isDepthwise(convolution)) return depthwiseWeights(convolution, reverse(builder, w, [2, 3]));
  const flat = transpose(builder, reshape(builder, w, [filters * channels, taps]), [1, 0]);
  const turned = taps === 1 ? flat : reverse(builder, flat, [0]);
  const apart = reshape(builder, turned, [taps, filters / block, block, channels / block, block]);
  const ordered = transpose(builder, apart, [3, 1, 0, 2, 4]);
  return reshape(builder, ordered, [channels, filters, ...window.kernel]);
}

function depthwiseWeights({ builder, window, channels }: Convolution, w: Value): Value {
  const { block } = layoutOf(builder);
  const apart = reshape(builder, w, [channels / block, block, tapCount(window)]);
  return reshape(builder, transpose(builder, apart, [0, 2, 1]), w.shape);
}
