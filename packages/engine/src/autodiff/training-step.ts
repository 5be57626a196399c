import { UntrainableModelError } from "../errors.ts";
import { zeros } from "../graph/elementwise-expressions.ts";
import { BLOCKED_DOMAIN } from "../graph/blocked-layout.ts";
import type { Formulations } from "../graph/builder.ts";
import type { Graph } from "../graph/graph.ts";
import type { TargetSpec } from "../losses/loss.ts";
import type { LossSpec } from "../losses/loss-of.ts";
import type { Model } from "../models/model.ts";
import { writeOnnx } from "../onnx/write.ts";
import { inferTypes } from "../ops/type-inference.ts";
import { checkBatchSize, DEFAULT_LOSS, emitLossGraph } from "./loss-graph.ts";
import { fusePooling, poolBeforeRelu } from "./rewrites.ts";
import { differentiate } from "./tape.ts";
import { type DropoutMask, inTrainingMode, type Moments } from "./training-mode.ts";

/** Options of {@link trainingStep}. */
export interface TrainingStepOptions {
  /** Samples per run, a whole number of 1 or more; fixed, because static shapes compute faster. */
  readonly batchSize: number;
  /** @default { kind: "softmaxCrossEntropy" } */
  readonly loss?: LossSpec;
  /** Whether operators may be computed in another order or as one, which is faster. @default true */
  readonly accelerate?: boolean;
  /**
   * Channels per block of ONNX Runtime's blocked layout, where the runtime that will execute the step
   * has it; null to use standard operators only.
   * @default null
   */
  readonly block?: number | null;
  /** By the names of the model's nodes, how they are computed. @default as their shapes suggest */
  readonly formulations?: Formulations;
  /**
   * Whether one thread of a processor computes, for operators that are faster and only then right.
   * @default false
   */
  readonly serial?: boolean;
}

/**
 * One step of gradient computation as an ONNX model. Besides the inputs below it takes every tensor
 * of the model's state under its own name. Loss and gradients are sums over samples, so that the
 * results of several shards of a batch add up; the caller divides once by the total weight.
 */
export interface TrainingStep {
  /** The ONNX file; the same model and options always give the same bytes. */
  readonly onnx: Uint8Array;
  /** B: samples per run. */
  readonly batchSize: number;
  /** Whether it has operators that ONNX Runtime has but does not document. */
  readonly internalOperators: boolean;
  /**
   * Names of the inputs: `x` float32 [B, ...input.shape]; `targets` as {@link TrainingStep.target}
   * says; `weights` float32 [B], how much each sample counts, 0 or more, 0 for padding rows; `masks`
   * one for each Dropout. Padding rows do count in the statistics of BatchNormalization.
   */
  readonly inputs: {
    readonly x: string;
    readonly targets: string;
    readonly weights: string;
    readonly masks: readonly DropoutMask[];
  };
  /** What the loss takes: int64 [B] for the numbers of classes, or float32 [B, ...shape]. */
  readonly target: TargetSpec;
  /**
   * Names of the outputs: `loss` float32 scalar, Σ weight · loss; `gradients` in the order of the
   * layout's parameters, each Σ weight · ∂loss/∂parameter in the parameter's shape, or with
   * {@link TrainingStepOptions.block} in another of the same size; `totalWeight`
   * float32 scalar, what the mean is divided by, null where that is Σ weight; `moments` the statistics
   * of the batch, for each BatchNormalization that uses them.
   */
  readonly outputs: {
    readonly loss: string;
    readonly gradients: readonly string[];
    readonly totalWeight: string | null;
    readonly moments: readonly Moments[];
  };
}

/**
 * Builds the gradient computation of `model` for a fixed batch size.
 * @throws RangeError when the batch size is not a whole number of 1 or more, or a setting of the loss
 * cannot work
 * @throws UntrainableModelError when there are no parameters or the output does not suit the loss
 */
export function trainingStep(model: Model, options: TrainingStepOptions): TrainingStep {
  const { batchSize, loss: spec = DEFAULT_LOSS, accelerate = true } = options;
  const { block = null, formulations = {}, serial = false } = options;
  checkBatchSize(batchSize);
  const parameters = model.state.layout.tensors.filter(({ role }) => role === "parameter");
  if (parameters.length === 0) throw new UntrainableModelError("Model has no parameters to train");
  const { graph, moments, masks } = inTrainingMode(model.graph, batchSize);
  const form = accelerate ? accelerated(graph, batchSize) : graph;
  const step = emitLossGraph(form, {
    model,
    batchSize,
    loss: spec,
    acceleration: accelerate ? { block, formulations, serial } : null,
  });
  const { builder, x, targets, weights, totalWeight } = step;
  const gradients = differentiate(builder, step.tape, {
    output: step.output.name,
    seed: step.outputGradient,
    wanted: parameters.map(({ name }) => name),
  });
  const loss = { name: builder.uniqueName("loss"), value: step.loss };
  const gradientOutputs = parameters.map(({ name, shape }) => ({
    name: builder.uniqueName(`gradient.${name}`),
    value: gradients.get(name) ?? zeros(builder, shape),
  }));
  const weightOutput =
    totalWeight === null ? [] : [{ name: builder.uniqueName("totalWeight"), value: totalWeight }];
  const momentOutputs = moments.flatMap(({ mean, variance }) =>
    [mean, variance].map((name) => ({ name, value: step.at(name) })),
  );
  const built = builder.finish({
    inputs: [x, targets, weights, ...masks.map(({ name }) => step.at(name))],
    state: graph.state.map(({ name }) => step.at(name)),
    outputs: [loss, ...gradientOutputs, ...weightOutput, ...momentOutputs],
  });
  return {
    onnx: writeOnnx({
      ...built,
      name: "training-step",
      inputs: [...built.inputs, ...built.state],
      initialisers: built.constants,
    }),
    batchSize,
    internalOperators: built.nodes.some(({ domain }) => domain === BLOCKED_DOMAIN),
    inputs: { x: x.name, targets: targets.name, weights: weights.name, masks },
    target: step.target,
    outputs: {
      loss: loss.name,
      gradients: gradientOutputs.map(({ name }) => name),
      totalWeight: weightOutput[0]?.name ?? null,
      moments,
    },
  };
}

/** The same computation in the form that is faster in training. */
export function accelerated(graph: Graph, batchSize: number): Graph {
  const pooled = poolBeforeRelu(graph);
  return fusePooling(pooled, inferTypes(pooled, batchSize));
}
