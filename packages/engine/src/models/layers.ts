/** Layers of built-in models, with PyTorch's names and shapes of weights. */
import { assert, type Shape } from "@everfresh/core";
import type { Attribute, ValueInfo } from "../graph/graph.ts";
import type { OperatorKind } from "../graph/operator-kind.ts";
import {
  constant,
  fanIn,
  type Initialiser,
  type InitialValues,
  normal,
  torchDefault,
  uniform,
} from "./initial-values.ts";
import type { Network } from "./network.ts";

/** ONNX's number of the element type int64. */
const INT64 = 7;

/** Initial weights of a layer where they are not PyTorch's default, which is ±1/√fanIn for all. */
export interface WeightOptions {
  readonly weight?: Initialiser;
  readonly bias?: InitialValues;
}

/** Sizes of a convolution with a square window. */
export interface ConvolutionOptions extends Pick<WeightOptions, "weight"> {
  readonly filters: number;
  readonly kernel: number;
  /** @default 1 */
  readonly stride?: number;
  /** @default 0 */
  readonly padding?: number;
  /** @default 1 */
  readonly groups?: number;
  /** @default false, for normalisation follows */
  readonly bias?: boolean;
}

/** torch.nn.Linear: y = x · Wᵀ + b. */
export function linear(
  net: Network,
  name: string,
  x: ValueInfo,
  outputs: number,
  { weight = torchDefault, bias }: WeightOptions = {},
): ValueInfo {
  const shape = [outputs, sizeAt(x, 1)];
  const weights = net.parameter(`${name}.weight`, shape, weight(shape));
  const biases = net.parameter(`${name}.bias`, [outputs], bias ?? defaultBias(shape));
  return net.node(name, "Gemm", [x, weights, biases], { attributes: { transB: int(1) } });
}

/** torch.nn.Conv2d with a square window. */
export function conv2d(
  net: Network,
  name: string,
  x: ValueInfo,
  options: ConvolutionOptions,
): ValueInfo {
  const { filters, kernel, stride = 1, padding = 0, groups = 1, weight = torchDefault } = options;
  const shape = [filters, sizeAt(x, 1) / groups, kernel, kernel];
  const weights = [net.parameter(`${name}.weight`, shape, weight(shape))];
  if (options.bias === true) {
    weights.push(net.parameter(`${name}.bias`, [filters], defaultBias(shape)));
  }
  const attributes = {
    kernel_shape: ints([kernel, kernel]),
    pads: ints([padding, padding, padding, padding]),
    ...(stride === 1 ? {} : { strides: ints([stride, stride]) }),
    ...(groups === 1 ? {} : { group: int(groups) }),
  };
  return net.node(name, "Conv", [x, ...weights], { attributes });
}

/** torch.nn.BatchNorm2d: scale 1 and bias 0 at first, running statistics as buffers. */
export function batchNorm(net: Network, name: string, x: ValueInfo): ValueInfo {
  const shape = [sizeAt(x, 1)];
  const weights = [
    net.parameter(`${name}.weight`, shape, constant(1)),
    net.parameter(`${name}.bias`, shape, constant(0)),
    net.buffer(`${name}.running_mean`, shape, constant(0)),
    net.buffer(`${name}.running_var`, shape, constant(1)),
  ];
  const attributes = { epsilon: float(1e-5), momentum: float(0.9) };
  return net.node(name, "BatchNormalization", [x, ...weights], { attributes });
}

/** torch.nn.LayerNorm over the last dimension. */
export function layerNorm(net: Network, name: string, x: ValueInfo): ValueInfo {
  const shape = [sizeAt(x, -1)];
  const weights = [
    net.parameter(`${name}.weight`, shape, constant(1)),
    net.parameter(`${name}.bias`, shape, constant(0)),
  ];
  const attributes = { axis: int(-1), epsilon: float(1e-5) };
  return net.node(name, "LayerNormalization", [x, ...weights], { attributes });
}

/** torch.nn.Embedding: the row of each id. */
export function embedding(
  net: Network,
  name: string,
  ids: ValueInfo,
  { rows, width, initial = normal(1) }: EmbeddingOptions,
): ValueInfo {
  const table = net.parameter(`${name}.weight`, [rows, width], initial);
  return net.node(name, "Gather", [table, ids]);
}

/** Sizes of {@link embedding}. */
export interface EmbeddingOptions {
  readonly rows: number;
  readonly width: number;
  /** @default normal with deviation 1, as PyTorch does */
  readonly initial?: InitialValues;
}

/** Whole numbers that came as float32 (exact up to 2²⁴), as int64. */
export function idsOf(net: Network, name: string, x: ValueInfo): ValueInfo {
  return net.node(name, "Cast", [x], { attributes: { to: int(INT64) } });
}

/** torch.nn.MaxPool2d with a square window. */
export function maxPool2d(
  net: Network,
  name: string,
  x: ValueInfo,
  {
    kernel,
    stride = kernel,
    padding = 0,
  }: { readonly kernel: number; readonly stride?: number; readonly padding?: number },
): ValueInfo {
  const attributes = {
    kernel_shape: ints([kernel, kernel]),
    strides: ints([stride, stride]),
    ...(padding === 0 ? {} : { pads: ints([padding, padding, padding, padding]) }),
  };
  return net.node(name, "MaxPool", [x], { attributes });
}

/** torch.nn.AvgPool2d: windows side by side. */
export function averagePool2d(net: Network, name: string, x: ValueInfo, kernel: number): ValueInfo {
  const pair = ints([kernel, kernel]);
  return net.node(name, "AveragePool", [x], { attributes: { kernel_shape: pair, strides: pair } });
}

/** The mean of every channel, as rows: torch.nn.AdaptiveAvgPool2d(1) and flatten. */
export function globalPool(net: Network, name: string, x: ValueInfo): ValueInfo {
  const pooled = net.node(name, "GlobalAveragePool", [x]);
  return net.node(`${name}.flatten`, "Flatten", [pooled]);
}

/** torch.nn.Dropout; nothing is added where nothing is dropped. */
export function dropout(net: Network, name: string, x: ValueInfo, ratio: number): ValueInfo {
  return ratio === 0 ? x : net.node(name, "Dropout", [x, net.scalar(ratio)]);
}

/** torch.nn.ReLU. */
export function relu(net: Network, name: string, x: ValueInfo): ValueInfo {
  return net.node(name, "Relu", [x]);
}

/** torch.nn.ReLU6: between 0 and 6. */
export function relu6(net: Network, name: string, x: ValueInfo): ValueInfo {
  return net.node(name, "Clip", [x, net.scalar(0), net.scalar(6)]);
}

/** The elements of `x` under another shape, in which 0 keeps a size and −1 is what remains. */
export function reshape(
  net: Network,
  name: string,
  x: ValueInfo,
  shape: readonly number[],
): ValueInfo {
  return net.node(name, "Reshape", [x, net.ints(shape)]);
}

/** Dimension i of the result is dimension order[i] of x. */
export function transpose(
  net: Network,
  name: string,
  x: ValueInfo,
  order: readonly number[],
): ValueInfo {
  return net.node(name, "Transpose", [x], { attributes: { perm: ints(order) } });
}

/** Joins values along a dimension. */
export function concat(
  net: Network,
  name: string,
  parts: readonly ValueInfo[],
  axis: number,
): ValueInfo {
  return net.node(name, "Concat", parts, { attributes: { axis: int(axis) } });
}

/** The positions from `start` up to `end` of dimension `axis`. */
export function slice(
  net: Network,
  name: string,
  x: ValueInfo,
  { start, end, axis }: { readonly start: number; readonly end: number; readonly axis: number },
): ValueInfo {
  return net.node(name, "Slice", [x, net.ints([start]), net.ints([end]), net.ints([axis])]);
}

/** a + b. */
export function add(net: Network, name: string, a: ValueInfo, b: ValueInfo): ValueInfo {
  return net.node(name, "Add", [a, b]);
}

/** An operator of one input without settings. */
export function plain(
  net: Network,
  name: string,
  operator: OperatorKind & ("Flatten" | "Gelu" | "Sigmoid" | "Tanh"),
  x: ValueInfo,
): ValueInfo {
  return net.node(name, operator, [x]);
}

/** The size of dimension `axis`, which does not depend on the batch; −1 is the last. */
export function sizeAt(x: ValueInfo, axis: number): number {
  const size = x.shape.at(axis);
  assert(typeof size === "number", `dimension ${axis} of "${x.name}" is a number`);
  return size;
}

/** A whole-number attribute. */
export function int(value: number): Attribute {
  return { kind: "int", value };
}

/** A real-number attribute, rounded as files have it. */
function float(value: number): Attribute {
  return { kind: "float", value: Math.fround(value) };
}

/** A list of whole numbers as an attribute. */
function ints(value: readonly number[]): Attribute {
  return { kind: "ints", value };
}

function defaultBias(weightShape: Shape): InitialValues {
  return uniform(1 / Math.sqrt(fanIn(weightShape)));
}
