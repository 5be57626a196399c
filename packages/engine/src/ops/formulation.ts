/** One convolution as all its formulations see it. */
import { assert } from "@everfresh/core";
import { intAttribute } from "../graph/attributes.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { matMul, product, reshape, sizeAt } from "../graph/expressions.ts";
import type { GraphNode } from "../graph/graph.ts";
import { both, map2, type Pair, type Window, windowOf } from "./window.ts";

/** One convolution whose results are wanted. */
export interface Convolution {
  readonly builder: GraphBuilder;
  /** Name of the node. */
  readonly node: string;
  readonly window: Window;
  readonly groups: number;
  readonly samples: number;
  readonly channels: number;
  readonly filters: number;
}

/** A convolution without the elements of its kernels that only ever meet padding. */
export interface LiveConvolution extends Convolution {
  /** The weights without these elements. */
  readonly weights: Value;
  /** ∂W with zeros where elements were left out. */
  restore(gradient: Value): Value;
}

/** The convolution of a Conv node with images x and weights w. */
export function convolutionOf(
  builder: GraphBuilder,
  node: GraphNode,
  x: Value,
  w: Value,
): LiveConvolution {
  const window = windowOf(node, x.shape, [sizeAt(w.shape, 2), sizeAt(w.shape, 3)]);
  const convolution: Convolution = {
    builder,
    node: node.name,
    window,
    groups: intAttribute(node, "group", 1),
    samples: sizeAt(x.shape, 0),
    channels: sizeAt(x.shape, 1),
    filters: sizeAt(w.shape, 0),
  };
  const live = builder.acceleration === null ? null : liveWindow(window);
  if (live === null) return { ...convolution, weights: w, restore: (gradient) => gradient };
  const [filters, perGroup] = [sizeAt(w.shape, 0), sizeAt(w.shape, 1)];
  const [all, left] = [tapCount(window), tapCount(live.window)];
  const chosen = builder.floats(
    Array.from({ length: all * left }, (_, i) => {
      const [tap, kept] = [Math.floor(i / left), i % left];
      const row = Math.floor(kept / live.window.kernel[1]) + live.first[0];
      const column = (kept % live.window.kernel[1]) + live.first[1];
      return tap === row * window.kernel[1] + column ? 1 : 0;
    }),
    [all, left],
  );
  const flat = reshape(builder, w, [filters * perGroup, all]);
  const shape = [filters, perGroup, ...live.window.kernel];
  return {
    ...convolution,
    window: live.window,
    weights: reshape(builder, matMul(builder, flat, chosen), shape),
    restore: (gradient) => {
      const kept = reshape(builder, gradient, [filters * perGroup, left]);
      return reshape(builder, product(builder, kept, chosen, { transposeY: true }), w.shape);
    },
  };
}

/** Elements of a kernel. */
export function tapCount({ kernel }: Window): number {
  return kernel[0] * kernel[1];
}

/** Whether every filter sees one channel, and every channel has one filter. */
export function isDepthwise({ groups, channels, filters }: Convolution): boolean {
  return groups === channels && groups === filters && groups > 1;
}

/** Whether each output pixel sees just the input pixel at its place. */
export function isPointwise(convolution: Convolution): boolean {
  return seesSinglePixels(convolution) && !isStrided(convolution);
}

/** Whether each window is one pixel of the image itself. */
export function seesSinglePixels({ window }: Convolution): boolean {
  const { before, after } = window;
  return tapCount(window) === 1 && both((i) => before[i] === 0 && after[i] === 0);
}

/** Whether windows move by more than one pixel. */
export function isStrided({ window }: Convolution): boolean {
  return !both((i) => window.strides[i] === 1);
}

/** The window without the outer rows and columns of the kernel that meet padding only, or null. */
function liveWindow(window: Window): { readonly window: Window; readonly first: Pair } | null {
  const { kernel, dilations, before, after } = window;
  const ranges = [liveTaps(window, 0), liveTaps(window, 1)] as const;
  const first = map2((i) => ranges[i][0]);
  const last = map2((i) => ranges[i][1]);
  const size = map2((i) => last[i] - first[i] + 1);
  if (both((i) => size[i] === kernel[i])) return null;
  const pads = {
    before: map2((i) => before[i] - first[i] * dilations[i]),
    after: map2((i) => after[i] - (kernel[i] - 1 - last[i]) * dilations[i]),
  };
  if (!both((i) => pads.before[i] >= 0 && pads.after[i] >= 0)) return null;
  return { window: { ...window, kernel: size, ...pads }, first };
}

/** First and last row (or column) of the kernel that meets the image in any place. */
function liveTaps(window: Window, i: 0 | 1): Pair {
  const { input, output, kernel, strides, dilations, before } = window;
  const live = Array.from({ length: kernel[i] }, (_, tap) =>
    Array.from({ length: output[i] }, (_, place) => place * strides[i] + tap * dilations[i])
      .map((at) => at - before[i])
      .some((at) => at >= 0 && at < input[i]),
  );
  const first = live.indexOf(true);
  assert(first >= 0 || kernel[i] > 0, "a kernel has elements");
  return first < 0 ? [0, kernel[i] - 1] : [first, live.lastIndexOf(true)];
}
