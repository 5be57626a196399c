import type { GraphNode } from "../graph/graph.ts";
import type { OperatorKind } from "../graph/operator-kind.ts";
import type { Model } from "./model.ts";

/** Operators that normalise: a convolution before one of them needs no bias. */
const NORMALISATIONS: ReadonlySet<string> = new Set<OperatorKind>([
  "BatchNormalization",
  "GroupNormalization",
  "InstanceNormalization",
  "LayerNormalization",
]);

/**
 * What is to be known before training an imported model: sentences for people, most important first;
 * none for most models. So far one thing is noticed: that the exporter folded BatchNormalization
 * into convolutions, as it does unless it is told to keep it. Such a model trains, but without
 * normalisation.
 */
export function trainingNotes({ graph }: Model): readonly string[] {
  if (graph.nodes.some(({ operator }) => NORMALISATIONS.has(operator))) return [];
  const convolutions = graph.nodes.filter(({ operator }) => operator === "Conv");
  const folded = convolutions.filter((node) => lacksOwnBias(node));
  const [first] = folded;
  if (first === undefined || 2 * folded.length < convolutions.length) return [];
  return [
    `Convolutions such as "${first.inputs[1] ?? ""}" have no bias of their own, so the exporter ` +
      "seems to have folded BatchNormalization into them; to train with it, export again with " +
      "torch.onnx.export(model.train(), ..., dynamo=True, optimize=False), or with " +
      "dynamo=False, training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False",
  ];
}

/** Whether the weight has a bias under another name than a layer's, or none, or a name of the exporter. */
function lacksOwnBias({ inputs: [, weight = "", bias = ""] }: GraphNode): boolean {
  if (weight.startsWith("onnx::")) return true;
  return weight.endsWith(".weight") && bias !== weight.replace(/weight$/, "bias");
}
