/** Which part of an image one pixel sees after convolution and pooling, and where these parts lie. */
import { assert, type Shape } from "@everfresh/core";
import { intAttribute, intsAttribute } from "../graph/attributes.ts";
import type { Value } from "../graph/builder.ts";
import type { GraphNode } from "../graph/graph.ts";
import { sizeAt } from "../graph/expressions.ts";
import { both, kernelShape, map2, type Pair, tiles, windowOf } from "./window.ts";

/** Attribute of ConvMaxPool with the size of the pooling's tiles; all others are those of Conv. */
export const POOL_SHAPE = "pool_shape";

/** The blocks of a convolution with max pooling after it, and the numbers that follow from them. */
export interface Blocks {
  readonly samples: number;
  readonly channels: number;
  readonly filters: number;
  /** Height and width of an image, and how many zeros surround it. */
  readonly input: Pair;
  readonly before: Pair;
  readonly after: Pair;
  readonly kernel: Pair;
  readonly strides: Pair;
  /** Height and width of a tile: where a kernel may stand in a block, `places` in all. */
  readonly pool: Pair;
  readonly places: number;
  /** Height and width of a block; it has `taps` elements in each channel. */
  readonly size: Pair;
  readonly taps: number;
  /** Distance from one block to the next. */
  readonly step: Pair;
  /** Blocks below and beside each other: pooled pixels, `pixels` in all. */
  readonly count: Pair;
  readonly pixels: number;
}

/** The blocks of a ConvMaxPool node with images x and weights w. */
export function blocksOf(node: GraphNode, x: Value, w: Value): Blocks {
  const kernel: Pair = [sizeAt(w.shape, 2), sizeAt(w.shape, 3)];
  const { input, output, strides, before, after } = windowOf(node, x.shape, kernel);
  const pool = poolOf(node);
  const size = map2((i) => (pool[i] - 1) * strides[i] + kernel[i]);
  const count = map2((i) => output[i] / pool[i]);
  return {
    samples: sizeAt(x.shape, 0),
    channels: sizeAt(x.shape, 1),
    filters: sizeAt(w.shape, 0),
    input,
    before,
    after,
    kernel,
    strides,
    pool,
    places: pool[0] * pool[1],
    size,
    taps: size[0] * size[1],
    step: map2((i) => pool[i] * strides[i]),
    count,
    pixels: count[0] * count[1],
  };
}

/** Height and width of the tiles of a ConvMaxPool node. */
export function poolOf(node: GraphNode): Pair {
  const values: readonly number[] = intsAttribute(node, POOL_SHAPE, []);
  const [rows, columns] = values;
  assert(rows !== undefined && columns !== undefined, `${POOL_SHAPE} has two numbers`);
  return [rows, columns];
}

/** All pairs of whole numbers below `size`, row by row. */
export function grid(size: Pair): readonly Pair[] {
  return Array.from({ length: size[0] * size[1] }, (_, i): Pair => [
    Math.floor(i / size[1]),
    i % size[1],
  ]);
}

// Where one product is faster: measured forwards and backwards with ONNX Runtime 1.30 on one thread
// (AVX-512), against Conv, MaxPool and their gradients; the figures are how many times as fast.
//   samples            1: 0.6 to 0.9    4: 0.95 to 1.5    8: 1.1 to 1.8    32: 1.2 to 2.2
//   channels           1: 1.7 to 2.2    8: 1.3 to 1.5    16: 1.2 to 1.4    32: 1.0    64: 0.8
//   block over kernel  64 / 49: 1.4     16 / 9: 1.2       25 / 9: 1.05     36 / 9: 0.8
// Beyond the caches copying costs more than it saves: with 2.1 million numbers 0.9.
const SAMPLES_MIN = 8;
const CHANNELS_MAX = 16;
const BLOCK_OVER_KERNEL_MAX = 2;
const COPIED_NUMBERS_MAX = 2_000_000;

/**
 * Whether a Conv and the MaxPool of its output are possible, and faster, as one ConvMaxPool.
 * @param shapes all numbers: of Conv's input, of its weights and of its output
 */
export function fusesPooling(
  conv: GraphNode,
  pool: GraphNode,
  { x, w, y }: { readonly x: Shape; readonly w: Shape; readonly y: Shape },
): boolean {
  const [samples = 0, channels = 0] = x;
  if (samples < SAMPLES_MIN || channels > CHANNELS_MAX) return false;
  if (intAttribute(conv, "group", 1) !== 1 || pool.outputs.length > 1) return false;
  const kernel: Pair = [sizeAt(w, 2), sizeAt(w, 3)];
  const { dilations, strides } = windowOf(conv, x, kernel);
  const tile = kernelShape(pool);
  if (tile === null || !tiles(windowOf(pool, y, tile))) return false;
  const block = map2((i) => (tile[i] - 1) * strides[i] + kernel[i]);
  const taps = block[0] * block[1];
  const pixels = (sizeAt(y, 2) * sizeAt(y, 3)) / (tile[0] * tile[1]);
  return (
    both((i) => dilations[i] === 1) &&
    taps <= BLOCK_OVER_KERNEL_MAX * kernel[0] * kernel[1] &&
    channels * taps * pixels * samples <= COPIED_NUMBERS_MAX
  );
}
