import { type Shape, sizeOf, type StateLayout } from "@everfresh/core";
import { type TrainingStep, trainingStep } from "../autodiff/training-step.ts";
import type { TargetSpec } from "../losses/loss.ts";
import type { LossSpec } from "../losses/loss-of.ts";
import { inferenceGraph } from "../models/inference-graph.ts";
import type { Model, ModelPort } from "../models/model.ts";

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
  options: { readonly batchSize: number; readonly workers: number; readonly loss?: LossSpec },
): TrainingProgram {
  const { batchSize, workers, loss } = options;
  const shardSize = Math.ceil(batchSize / workers);
  return {
    step: trainingStep(model, { batchSize: shardSize, ...(loss === undefined ? {} : { loss }) }),
    shardSize,
    inference: inferenceGraph(model),
    layout: model.state.layout,
    input: model.input,
    output: model.output,
  };
}

/** Shape of a batch of `size` samples of this port. */
export function batchShape(port: ModelPort, size: number): Shape {
  return [size, ...port.shape];
}

/** Numbers per sample of this port. */
export function sampleLength(port: ModelPort): number {
  return sizeOf(port.shape);
}

/** Numbers that a loss takes as the target of one sample. */
export function targetLength(target: TargetSpec): number {
  return target.kind === "classIndex" ? 1 : sizeOf(target.shape);
}
