import { zeros } from "../graph/elementwise-expressions.ts";
import type { LossSpec } from "../losses/loss-of.ts";
import type { Model } from "../models/model.ts";
import { writeOnnx } from "../onnx/write.ts";
import { checkBatchSize, DEFAULT_LOSS, emitLossGraph } from "./loss-graph.ts";
import { differentiate } from "./tape.ts";

/**
 * The gradient of the loss with respect to the model's input as an ONNX model, which takes every
 * tensor of the state under its own name. It computes what inference does: BatchNormalization uses
 * its running statistics and nothing is dropped, so that no sample depends on the others.
 */
export interface InputGradientStep {
  /** The ONNX file. */
  readonly onnx: Uint8Array;
  /** Samples per run. */
  readonly batchSize: number;
  /** Names of the inputs, as those of a training step. */
  readonly inputs: { readonly x: string; readonly targets: string; readonly weights: string };
  /** Name of the output, float32 in the input's shape: for each sample weight · ∂loss/∂sample. */
  readonly gradient: string;
}

/**
 * Builds the computation of the input's gradient for a fixed batch size.
 * @throws RangeError when the batch size is not a whole number of 1 or more, or a setting of the loss
 * cannot work
 * @throws UntrainableModelError when the output does not suit the loss
 */
export function inputGradientStep(
  model: Model,
  options: { readonly batchSize: number; readonly loss?: LossSpec },
): InputGradientStep {
  const { batchSize, loss = DEFAULT_LOSS } = options;
  checkBatchSize(batchSize);
  const step = emitLossGraph(model.graph, { model, batchSize, loss });
  const { builder, x, targets, weights } = step;
  const gradients = differentiate(builder, step.tape, {
    output: step.output.name,
    seed: step.outputGradient,
    wanted: [x.name],
  });
  const gradient = builder.uniqueName("inputGradient");
  const built = builder.finish({
    inputs: [x, targets, weights],
    state: model.graph.state.map(({ name }) => step.at(name)),
    outputs: [{ name: gradient, value: gradients.get(x.name) ?? zeros(builder, x.shape) }],
  });
  return {
    onnx: writeOnnx({
      ...built,
      name: "input-gradient",
      inputs: [...built.inputs, ...built.state],
      initialisers: built.constants,
    }),
    batchSize,
    inputs: { x: x.name, targets: targets.name, weights: weights.name },
    gradient,
  };
}
