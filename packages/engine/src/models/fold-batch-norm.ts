/**
 * Batch normalisation by running statistics is a line per channel, so the layer before it can do it:
 *
 *   (x ∗ W + b − μ) · s / √(σ² + ε) + β  =  x ∗ (f · W) + (f · (b − μ) + β)      f = s / √(σ² + ε)
 */
import type { Tensor } from "@everfresh/core";
import { floatAttribute } from "../graph/attributes.ts";
import type { GraphNode } from "../graph/graph.ts";
import { scalableLayer } from "./channel-scaling.ts";
import type { Model } from "./model.ts";
import { WeightTable } from "./weight-table.ts";

/** The bias of a layer that has none. */
const ZERO = new Float32Array(1);

/**
 * The model without the BatchNormalization nodes that directly follow a Conv, ConvTranspose or Gemm
 * whose output nothing else uses: those layers get weights, and a bias, that do both. Computed in
 * float64 and rounded once. All other nodes stay. Meant for inference: the folded model gives the
 * same outputs up to rounding, but no longer has the statistics that training needs.
 */
export function foldBatchNorm(model: Model): Model {
  const weights = new WeightTable(model);
  const nodes: GraphNode[] = [];
  const madeAt = new Map<string, number>();
  for (const node of model.graph.nodes) {
    const at = madeAt.get(node.inputs[0] ?? "");
    const layer = at === undefined ? undefined : nodes[at];
    const folded = layer === undefined ? null : fold(layer, node, weights);
    const place = at === undefined || folded === null ? nodes.length : at;
    nodes[place] = folded ?? node;
    for (const name of node.outputs) if (name !== "") madeAt.set(name, place);
  }
  return nodes.length === model.graph.nodes.length ? model : weights.modelOf(nodes);
}

/** The layer that computes `layer` and then `normalisation`; null where that is not possible. */
function fold(layer: GraphNode, normalisation: GraphNode, weights: WeightTable): GraphNode | null {
  if (normalisation.operator !== "BatchNormalization") return null;
  if (weights.uses(layer.outputs[0] ?? "") !== 1) return null;
  const line = lineOf(normalisation, weights);
  const [x = "", weightName = "", biasName = ""] = layer.inputs;
  const weight = weights.get(weightName);
  const values = weights.floats(weightName);
  if (line === null || weight === undefined || values === null) return null;
  const scaling = scalableLayer(layer, weight.shape);
  if (scaling?.channels !== line.factor.length || weights.uses(weightName) !== 1) return null;
  const bias = biasName === "" ? ZERO : biasOf(weights.get(biasName), scaling.channels);
  if (bias === null) return null;
  const scaled = values.map((w, i) => w * (line.factor[scaling.channelOf(i)] ?? 0));
  const shifted = line.mean.map((mean, c) => {
    const before = scaling.biasFactor * (bias[bias.length === 1 ? 0 : c] ?? 0);
    return (line.factor[c] ?? 0) * (before - mean) + (line.offset[c] ?? 0);
  });
  weights.replace(weightName, weight.shape, scaled);
  const newBias = weights.putBias({ weightName, biasName }, [scaling.channels], shifted);
  weights.release(normalisation.inputs);
  return {
    ...layer,
    inputs: [x, weightName, newBias],
    outputs: normalisation.outputs,
    attributes: scaling.attributes,
  };
}

/** A batch normalisation as numbers per channel: y = factor · (x − mean) + offset. */
interface Line {
  readonly factor: Float64Array;
  readonly mean: Float32Array;
  readonly offset: Float32Array;
}

/** Null unless all four are known and of one length. */
function lineOf(node: GraphNode, weights: WeightTable): Line | null {
  const [scale, offset, mean, variance] = node.inputs.slice(1).map((name) => weights.floats(name));
  if (scale == null || offset == null || mean == null || variance == null) return null;
  if ([offset, mean, variance].some(({ length }) => length !== scale.length)) return null;
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const factor = Float64Array.from(scale, (s, c) => s / Math.sqrt((variance[c] ?? 0) + epsilon));
  return { factor, mean, offset };
}

/** The bias per channel, or one for all; null when it is no weight or has another shape. */
function biasOf(bias: Tensor | undefined, channels: number): Float32Array | null {
  if (bias === undefined || !(bias.data instanceof Float32Array)) return null;
  const { data, shape } = bias;
  const isRow = data.length === 1 || (data.length === channels && shape.at(-1) === channels);
  return isRow ? data : null;
}
