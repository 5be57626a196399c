/** Where a sliding window stands on a 2-D image: the geometry of convolution and pooling. */
import { intAttribute, intsAttribute, stringAttribute } from "../graph/attributes.ts";
import type { GraphNode, GraphShape } from "../graph/graph.ts";
import { fail, fixedSize, unsupported } from "./inference.ts";

/** A pair of numbers: for rows (downwards) and for columns (to the right). */
export type Pair = readonly [number, number];

/** A window of `kernel` elements, `dilations` apart, moved over an image in steps of `strides`. */
export interface Window {
  /** Height and width of the image. */
  readonly input: Pair;
  /** How many positions the window takes. */
  readonly output: Pair;
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  /** Padding above and to the left. */
  readonly before: Pair;
  /** Padding below and to the right. */
  readonly after: Pair;
}

/**
 * The window of a node over images [N, C, H, W].
 *
 *   output = ⌊(input + padding − dilation · (kernel − 1) − 1) / stride⌋ + 1
 *
 * rounded up instead with ceil_mode, unless the last window would start in the padding.
 */
export function windowOf(node: GraphNode, shape: GraphShape, kernel: Pair): Window {
  if (shape.length !== 4) unsupported(node, "works on 2-D images [batch, channels, height, width]");
  const input: Pair = [fixedSize(node, shape, 2), fixedSize(node, shape, 3)];
  const strides = pairAttribute(node, "strides", [1, 1]);
  const dilations = pairAttribute(node, "dilations", [1, 1]);
  const extent = map2((i) => dilations[i] * (kernel[i] - 1) + 1);
  const dilated = !both((i) => dilations[i] === 1);
  const [before, after] = padding(node, { input, strides, extent, dilated });
  const ceil = intAttribute(node, "ceil_mode", 0) !== 0;
  const output = map2((i) => {
    const room = input[i] + before[i] + after[i] - extent[i];
    if (room < 0) {
      fail(
        node,
        `a window of ${extent[0]} x ${extent[1]} exceeds ${input[0]} x ${input[1]} pixels`,
      );
    }
    const count = (ceil ? Math.ceil(room / strides[i]) : Math.floor(room / strides[i])) + 1;
    return ceil && (count - 1) * strides[i] >= input[i] + before[i] ? count - 1 : count;
  });
  return { input, output, kernel, strides, dilations, before, after };
}

/** The kernel_shape attribute, or null. */
export function kernelShape(node: GraphNode): Pair | null {
  return intsAttribute(node, "kernel_shape", null) === null
    ? null
    : pairAttribute(node, "kernel_shape", [1, 1]);
}

/** Pixels from the first to the last element of the window, inclusive. */
export function extentOf({ kernel, dilations }: Window): Pair {
  return map2((i) => dilations[i] * (kernel[i] - 1) + 1);
}

/** Whether the windows tile the image: no overlap, no gap, no padding, no rest. */
export function tiles({
  input,
  output,
  kernel,
  strides,
  dilations,
  before,
  after,
}: Window): boolean {
  return both(
    (i) =>
      strides[i] === kernel[i] &&
      dilations[i] === 1 &&
      before[i] === 0 &&
      after[i] === 0 &&
      output[i] * kernel[i] === input[i],
  );
}

/** Whether `condition` holds for rows and for columns. */
export function both(condition: (i: 0 | 1) => boolean): boolean {
  return condition(0) && condition(1);
}

/** The pair of what `f` gives for rows and for columns. */
export function map2(f: (i: 0 | 1) => number): Pair {
  return [f(0), f(1)];
}

function padding(
  node: GraphNode,
  options: {
    readonly input: Pair;
    readonly strides: Pair;
    readonly extent: Pair;
    readonly dilated: boolean;
  },
): readonly [Pair, Pair] {
  const { input, strides, extent, dilated } = options;
  const mode = stringAttribute(node, "auto_pad", "NOTSET");
  switch (mode) {
    case "NOTSET": {
      const pads = intsAttribute(node, "pads", [0, 0, 0, 0]);
      const [top, left, bottom, right] = pads;
      if (
        top === undefined ||
        left === undefined ||
        bottom === undefined ||
        right === undefined ||
        pads.some((count) => count < 0)
      ) {
        fail(node, `pads [${pads.join(", ")}] must be four numbers of 0 or more`);
      }
      return [
        [top, left],
        [bottom, right],
      ];
    }
    case "VALID":
      return [
        [0, 0],
        [0, 0],
      ];
    case "SAME_UPPER":
    case "SAME_LOWER": {
      // ONNX Runtime refuses the combination, so there is nothing to be true to.
      if (dilated) unsupported(node, `combines dilations with auto_pad "${mode}"`);
      const total = map2((i) =>
        Math.max(0, (Math.ceil(input[i] / strides[i]) - 1) * strides[i] + extent[i] - input[i]),
      );
      const smaller = map2((i) => Math.floor(total[i] / 2));
      const larger = map2((i) => Math.ceil(total[i] / 2));
      return mode === "SAME_UPPER" ? [smaller, larger] : [larger, smaller];
    }
    default:
      return unsupported(node, `has the unknown auto_pad "${mode}"`);
  }
}

function pairAttribute(node: GraphNode, name: string, otherwise: Pair): Pair {
  const values: readonly number[] = intsAttribute(node, name, otherwise);
  const [rows, columns] = values;
  if (values.length !== 2 || rows === undefined || columns === undefined) {
    return fail(node, `${name} [${values.join(", ")}] must be two numbers`);
  }
  if (rows < 1 || columns < 1) {
    return fail(node, `${name} [${values.join(", ")}] must be numbers of 1 or more`);
  }
  return [rows, columns];
}
