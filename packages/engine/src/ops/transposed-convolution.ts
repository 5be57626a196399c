import { assert } from "@everfresh/core";
import { intAttribute, intsAttribute, stringAttribute } from "../graph/attributes.ts";
import type { Value } from "../graph/builder.ts";
import { formatShape } from "../graph/dimension.ts";
import { reshape, sizeAt, sum } from "../graph/expressions.ts";
import type { GraphNode, GraphShape } from "../graph/graph.ts";
import { weightGradient } from "./convolution-gradients.ts";
import { fail, fixedSize, inputType, optionalInput, unsupported } from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";
import { kernelShape, map2, type Pair, type Window } from "./window.ts";

/**
 * Y[n, o] = b[o] + Σ over channels c of the group: W[c, o] moved to where each X[n, c] stands. It
 * is the gradient of the convolution from Y's size to X's, so its own gradients are
 *
 *   ∂X = the convolution of ∂Y with W      ∂W = the weight gradient of that convolution
 */
export const convTransposeRule: OperatorRule = { infer, gradient };

function infer(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const x = inputType(call, 0);
  const w = inputType(call, 1);
  if (x.shape.length !== 4 || w.shape.length !== 4) {
    unsupported(node, `works on 2-D images, not on ${formatShape(x.shape)}`);
  }
  const groups = intAttribute(node, "group", 1);
  const [channels, perGroup] = [fixedSize(node, w.shape, 0), fixedSize(node, w.shape, 1)];
  if (fixedSize(node, x.shape, 1) !== channels || channels % groups !== 0) {
    const images = formatShape(x.shape);
    fail(node, `${images} and weights ${formatShape(w.shape)} do not fit in ${groups} groups`);
  }
  const kernel = [fixedSize(node, w.shape, 2), fixedSize(node, w.shape, 3)] as const;
  const stated = kernelShape(node);
  if (stated !== null && (stated[0] !== kernel[0] || stated[1] !== kernel[1])) {
    fail(node, `kernel_shape [${stated.join(", ")}] differs from weights ${formatShape(w.shape)}`);
  }
  const filters = perGroup * groups;
  const bias = optionalInput(call, 2);
  if (bias !== null && (bias.shape.length !== 1 || bias.shape[0] !== filters)) {
    fail(node, `bias ${formatShape(bias.shape)} does not fit ${filters} filters`);
  }
  const { input } = windowOfTransposed(node, x.shape, kernel);
  return [{ dtype: x.dtype, shape: [x.shape[0] ?? fail(node, "no batch"), filters, ...input] }];
}

function gradient(call: GradientCall): readonly (Value | null)[] {
  const { builder, node, inputs, outputGradient: dy, wanted } = call;
  const [x, w, bias] = inputs;
  assert(!!x && !!w, "ConvTranspose has images and weights");
  const window = windowOfTransposed(node, x.shape, [sizeAt(w.shape, 2), sizeAt(w.shape, 3)]);
  const groups = intAttribute(node, "group", 1);
  // In the convolution, Y's size goes in and X's comes out.
  const dw = (): Value =>
    weightGradient({ builder, window, groups }, { dy: x, x: dy, shape: w.shape });
  return [
    wanted[0] === true ? inputGradient(call, { window, groups, x, w }) : null,
    wanted[1] === true ? dw() : null,
    wanted[2] === true && bias ? biasGradient(call) : null,
  ].slice(0, inputs.length);
}

/** ∂X[n, c] = Σ over filters o of the group: ∂Y[n, o] correlated with W[c, o]. */
function inputGradient(
  { builder, outputGradient: dy }: GradientCall,
  options: {
    readonly window: Window;
    readonly groups: number;
    readonly x: Value;
    readonly w: Value;
  },
): Value {
  const { window, groups, x, w } = options;
  const { kernel, strides, dilations, before, after } = window;
  const type = { dtype: x.dtype, shape: x.shape };
  return builder.emit("Conv", [dy, w], type, {
    kernel_shape: { kind: "ints", value: kernel },
    strides: { kind: "ints", value: strides },
    dilations: { kind: "ints", value: dilations },
    group: { kind: "int", value: groups },
    pads: { kind: "ints", value: [...before, ...after] },
  });
}

/** ∂b[o] = Σ ∂Y[:, o]. */
function biasGradient({ builder, outputGradient: dy }: GradientCall): Value {
  const [n = 0, c = 0, h = 0, w = 0] = dy.shape;
  return sum(builder, sum(builder, reshape(builder, dy, [n, c, h * w]), [2]), [0]);
}

/**
 * The window of the convolution that this node transposes: its `output` is X's size, and its
 * `input` is Y's,
 *
 *   size = stride · (output − 1) + output_padding + dilation · (kernel − 1) + 1 − padding
 */
function windowOfTransposed(node: GraphNode, shape: GraphShape, kernel: Pair): Window {
  const output: Pair = [fixedSize(node, shape, 2), fixedSize(node, shape, 3)];
  const strides = pairOf(node, "strides", 1);
  const dilations = pairOf(node, "dilations", 1);
  const extra = pairOf(node, "output_padding", 0);
  if (extra.some((count, i) => count >= (strides[i] ?? 1))) {
    fail(node, `output_padding [${extra.join(", ")}] must be smaller than the strides`);
  }
  const full = map2(
    (i) => strides[i] * (output[i] - 1) + extra[i] + dilations[i] * (kernel[i] - 1) + 1,
  );
  const mode = stringAttribute(node, "auto_pad", "NOTSET");
  const [before, after] = paddingOf(node, { mode, full, output, strides });
  const input = map2((i) => full[i] - before[i] - after[i]);
  if (input.some((size) => size < 1))
    fail(node, `makes images of ${input[0]} x ${input[1]} pixels`);
  return { input, output, kernel, strides, dilations, before, after };
}

/** Pixels that are cut off before and after. */
function paddingOf(
  node: GraphNode,
  options: {
    readonly mode: string;
    readonly full: Pair;
    readonly output: Pair;
    readonly strides: Pair;
  },
): readonly [Pair, Pair] {
  const { mode, full, output, strides } = options;
  const isSame = mode === "SAME_UPPER" || mode === "SAME_LOWER";
  if (!isSame && mode !== "NOTSET" && mode !== "VALID") {
    unsupported(node, `has the unknown auto_pad "${mode}"`);
  }
  const stated = intsAttribute(node, "output_shape", null)?.slice(-2);
  if (stated === undefined && !isSame) {
    const none = [0, 0, 0, 0];
    const pads = mode === "VALID" ? none : intsAttribute(node, "pads", none);
    const [top, left, bottom, right] = pads;
    if ([top, left, bottom, right].some((count) => count === undefined || count < 0)) {
      fail(node, `pads [${pads.join(", ")}] must be four numbers of 0 or more`);
    }
    return [
      [top ?? 0, left ?? 0],
      [bottom ?? 0, right ?? 0],
    ];
  }
  const wanted = map2((i) => stated?.[i] ?? output[i] * strides[i]);
  const total = map2((i) => full[i] - wanted[i]);
  if (total.some((count) => count < 0)) {
    unsupported(node, `makes ${wanted[0]} x ${wanted[1]} pixels, more than its windows reach`);
  }
  const smaller = map2((i) => Math.floor(total[i] / 2));
  const larger = map2((i) => Math.ceil(total[i] / 2));
  return mode === "SAME_UPPER" ? [smaller, larger] : [larger, smaller];
}

function pairOf(node: GraphNode, name: string, otherwise: number): Pair {
  const values: readonly number[] = intsAttribute(node, name, [otherwise, otherwise]);
  const [rows, columns] = values;
  if (values.length !== 2 || rows === undefined || columns === undefined) {
    return fail(node, `${name} [${values.join(", ")}] must be two numbers`);
  }
  if (Math.min(rows, columns) < otherwise) {
    return fail(node, `${name} [${values.join(", ")}] must be numbers of ${otherwise} or more`);
  }
  return [rows, columns];
}
