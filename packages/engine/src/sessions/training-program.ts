import { sizeOf, type StateLayout } from "@everfresh/core";
import {
  type TrainingStep,
  trainingStep,
  type TrainingStepOptions,
} from "../autodiff/training-step.ts";
import type { TargetSpec } from "../losses/loss.ts";
import { inferenceGraph } from "../models/inference-graph.ts";
import type { Model, ModelPort } from "../models/model.ts";

export { batchShape, sampleLength } from "../models/port-shape.ts";

/** The graphs that workers execute, and what they need to know about them. */
export interface TrainingProgram {
  /** Gradients of one part of a batch. */
  readonly step: TrainingStep;
  /** Samples in one part: the static batch size of `step`. */
  readonly shardSize: number;
  /** Predictions for any number of samples. */
  readonly inference: Uint8Array;
  readonly layout: StateLayout;
  readonly input: ModelPort;
  readonly output: ModelPort;
}

/** The program that trains `model` with batches of up to `batchSize`, split over `workers`. */
export function trainingProgram(
  model: Model,
  options: TrainingStepOptions & { readonly workers: number },
): TrainingProgram {
  const { batchSize, workers, ...stepOptions } = options;
  const shardSize = Math.ceil(batchSize / workers);
  return {
    step: trainingStep(model, { ...stepOptions, batchSize: shardSize }),
    shardSize,
    inference: inferenceGraph(model),
    layout: model.state.layout,
    input: model.input,
    output: model.output,
  };
}

/** Numbers that a loss takes as the target of one sample. */
export function targetLength(target: TargetSpec): number {
  return target.kind === "classIndex" ? 1 : sizeOf(target.shape);
}
