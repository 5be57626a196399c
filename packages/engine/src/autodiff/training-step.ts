import { assert, type Shape } from "@everfresh/core";
import { UntrainableModelError } from "../errors.ts";
import { GraphBuilder, type Value } from "../graph/builder.ts";
import { expand } from "../graph/expressions.ts";
import type { TargetSpec } from "../losses/loss.ts";
import { emitLoss, type LossSpec, targetOf } from "../losses/loss-of.ts";
import type { Model } from "../models/model.ts";
import { writeOnnx } from "../onnx/write.ts";
import { inferTypes } from "../ops/type-inference.ts";
import { fusePooling, poolBeforeRelu } from "./rewrites.ts";
import { differentiate, emitForward } from "./tape.ts";

/** Options of {@link trainingStep}. */
export interface TrainingStepOptions {
  /** Samples per run, a whole number of 1 or more; fixed, because static shapes compute faster. */
  readonly batchSize: number;
  /** @default { kind: "softmaxCrossEntropy" } */
  readonly loss?: LossSpec;
}

/**
 * One step of gradient computation as an ONNX model. Besides the inputs below it takes every tensor
 * of the model's state under its own name. Loss and gradients are sums over samples, so that the
 * results of several shards of a batch add up; the caller divides once by the total weight.
 */
export interface TrainingStep {
  /** The ONNX file; the same model and options always give the same bytes. */
  readonly onnx: Uint8Array;
  /**
   * Names of the inputs: `x` float32 [B, ...input.shape]; `targets` as {@link TrainingStep.target}
   * says; `weights` float32 [B], how much each sample counts, 0 or more, 0 for padding rows.
   */
  readonly inputs: { readonly x: string; readonly targets: string; readonly weights: string };
  /** What the loss takes: int64 [B] for the numbers of classes, or float32 [B, ...shape]. */
  readonly target: TargetSpec;
  /**
   * Names of the outputs: `loss` float32 scalar, Σ weight · loss; `gradients` in the order of the
   * layout's parameters, each Σ weight · ∂loss/∂parameter in the parameter's shape; `totalWeight`
   * float32 scalar, what the mean is divided by, null where that is Σ weight.
   */
  readonly outputs: {
    readonly loss: string;
    readonly gradients: readonly string[];
    readonly totalWeight: string | null;
  };
}

/**
 * Builds the gradient computation of `model` for a fixed batch size.
 * @throws RangeError when the batch size is not a whole number of 1 or more, or a setting of the loss
 * cannot work
 * @throws UntrainableModelError when there are no parameters or the output does not suit the loss
 */
export function trainingStep(model: Model, options: TrainingStepOptions): TrainingStep {
  const { batchSize, loss: lossSpec = { kind: "softmaxCrossEntropy" } } = options;
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`Batch size must be a whole number of 1 or more, got ${batchSize}`);
  }
  const parameters = model.state.layout.tensors.filter(({ role }) => role === "parameter");
  if (parameters.length === 0) throw new UntrainableModelError("Model has no parameters to train");
  const pooled = poolBeforeRelu(model.graph);
  const graph = fusePooling(pooled, inferTypes(pooled, batchSize));
  const types = inferTypes(graph, batchSize);
  const builder = new GraphBuilder(types.keys());
  const tape = emitForward(builder, graph, types);
  const at = (name: string): Value => {
    const value = tape.values.get(name);
    assert(value !== undefined, `"${name}" was emitted`);
    return value;
  };
  const output = at(model.output.name);
  const target = targetOf(lossSpec, output.shape.slice(1));
  const targets: Value = {
    name: builder.uniqueName("targets"),
    dtype: target.kind === "classIndex" ? "int64" : "float32",
    shape: target.kind === "classIndex" ? [batchSize] : [batchSize, ...target.shape],
  };
  const weights: Value = {
    name: builder.uniqueName("weights"),
    dtype: "float32",
    shape: [batchSize],
  };
  const call = { builder, output, targets, weights };
  const { loss, outputGradient, totalWeight } = emitLoss(lossSpec, call);
  const gradients = differentiate(builder, tape, {
    output: output.name,
    seed: outputGradient,
    wanted: parameters.map(({ name }) => name),
  });
  const lossOutput = { name: builder.uniqueName("loss"), value: loss };
  const gradientOutputs = parameters.map(({ name, shape }) => ({
    name: builder.uniqueName(`gradient.${name}`),
    value: gradients.get(name) ?? zeros(builder, shape),
  }));
  const weightOutput =
    totalWeight === null ? null : { name: builder.uniqueName("totalWeight"), value: totalWeight };
  const built = builder.finish({
    inputs: [at(model.input.name), targets, weights],
    state: graph.state.map(({ name }) => at(name)),
    outputs: [lossOutput, ...gradientOutputs, ...(weightOutput === null ? [] : [weightOutput])],
  });
  return {
    onnx: writeOnnx({
      ...built,
      name: "training-step",
      inputs: [...built.inputs, ...built.state],
      initialisers: built.constants,
    }),
    inputs: { x: model.input.name, targets: targets.name, weights: weights.name },
    target,
    outputs: {
      loss: lossOutput.name,
      gradients: gradientOutputs.map(({ name }) => name),
      totalWeight: weightOutput?.name ?? null,
    },
  };
}

/** The gradient of a parameter that the loss does not depend on. */
function zeros(builder: GraphBuilder, shape: Shape): Value {
  return expand(builder, builder.floats([0], []), shape);
}
