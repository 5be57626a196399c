/** How the layers that a batch normalisation can be folded into multiply a channel by a number. */
import type { Shape } from "@everfresh/core";
import { floatAttribute, intAttribute } from "../graph/attributes.ts";
import type { Attributes, GraphNode } from "../graph/graph.ts";

/** A layer y = x ∗ W + k · b whose output channels can be scaled through W and b. */
export interface ScalableLayer {
  /** Output channels. */
  readonly channels: number;
  /** The output channel that the i-th element of W belongs to. */
  channelOf(i: number): number;
  /** k: what the layer multiplies its bias with. */
  readonly biasFactor: number;
  /** The layer's attributes once k is 1. */
  readonly attributes: Attributes;
}

type Reading = (node: GraphNode, weight: Shape) => ScalableLayer | null;

const READINGS: ReadonlyMap<string, Reading> = new Map([
  ["Conv", conv],
  ["ConvTranspose", convTranspose],
  ["Gemm", gemm],
]);

/** What scaling needs to know about a node with a weight of this shape; null if it is no such layer. */
export function scalableLayer(node: GraphNode, weight: Shape): ScalableLayer | null {
  return READINGS.get(node.operator)?.(node, weight) ?? null;
}

// W is [channels, ...]
function conv({ attributes }: GraphNode, [channels = 0, ...rest]: Shape): ScalableLayer {
  const perChannel = product(rest);
  return {
    channels,
    channelOf: (i) => Math.floor(i / perChannel),
    biasFactor: 1,
    attributes,
  };
}

// W is [inputs, channels / groups, ...]: each group of inputs makes its own channels.
function convTranspose(node: GraphNode, weight: Shape): ScalableLayer {
  const groups = intAttribute(node, "group", 1);
  const [inputs = 0, channelsPerGroup = 0, ...kernel] = weight;
  const perInput = product(weight.slice(1));
  const perChannel = product(kernel);
  const inputsPerGroup = inputs / groups;
  return {
    channels: channelsPerGroup * groups,
    channelOf: (i) => {
      const group = Math.floor(Math.floor(i / perInput) / inputsPerGroup);
      return group * channelsPerGroup + (Math.floor(i / perChannel) % channelsPerGroup);
    },
    biasFactor: 1,
    attributes: node.attributes,
  };
}

// W is [inputs, channels], or [channels, inputs] with transB.
function gemm(node: GraphNode, [rows = 0, columns = 0]: Shape): ScalableLayer {
  const { attributes } = node;
  const transposed = intAttribute(node, "transB", 0) !== 0;
  return {
    channels: transposed ? rows : columns,
    channelOf: transposed ? (i) => Math.floor(i / columns) : (i) => i % columns,
    biasFactor: floatAttribute(node, "beta", 1),
    attributes:
      attributes["beta"] === undefined
        ? attributes
        : { ...attributes, beta: { kind: "float", value: 1 } },
  };
}

function product(sizes: Shape): number {
  return sizes.reduce((total, size) => total * size, 1);
}
