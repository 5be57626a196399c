import { assert } from "@everfresh/core";
import { type Acceleration, GraphBuilder, type Value } from "../graph/builder.ts";
import type { Graph } from "../graph/graph.ts";
import type { TargetSpec } from "../losses/loss.ts";
import { emitLoss, type LossSpec, targetOf } from "../losses/loss-of.ts";
import type { Model } from "../models/model.ts";
import { inferTypes } from "../ops/type-inference.ts";
import { emitForward, type Tape } from "./tape.ts";

/** The loss where none is asked for. */
export const DEFAULT_LOSS: LossSpec = { kind: "softmaxCrossEntropy" };

/** A graph under construction that has the loss of a batch, ready to be differentiated. */
export interface LossGraph {
  readonly builder: GraphBuilder;
  readonly tape: Tape;
  readonly x: Value;
  readonly targets: Value;
  readonly weights: Value;
  /** What the loss takes as targets. */
  readonly target: TargetSpec;
  readonly output: Value;
  /** Scalar: Σ weight · loss. */
  readonly loss: Value;
  /** ∂loss/∂output. */
  readonly outputGradient: Value;
  /** Scalar; null where it is Σ weight. */
  readonly totalWeight: Value | null;
  /** The value of a name in the forward graph. */
  at(name: string): Value;
}

/**
 * Emits the forward computation of `graph`, a form of the model's, and the loss of its output.
 * @throws RangeError when a setting of the loss cannot work
 * @throws UntrainableModelError when the output does not suit the loss
 */
export function emitLossGraph(
  graph: Graph,
  {
    model,
    batchSize,
    loss: spec,
    acceleration = null,
  }: {
    readonly model: Model;
    readonly batchSize: number;
    readonly loss: LossSpec;
    /** @default null: every operator as ONNX says it */
    readonly acceleration?: Acceleration | null;
  },
): LossGraph {
  const types = inferTypes(graph, batchSize);
  const builder = new GraphBuilder(types.keys(), acceleration);
  const tape = emitForward(builder, graph, types);
  const at = (name: string): Value => {
    const value = tape.values.get(name);
    assert(value !== undefined, `"${name}" was emitted`);
    return value;
  };
  const output = at(model.output.name);
  const target = targetOf(spec, output.shape.slice(1));
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
  const emitted = emitLoss(spec, { builder, output, targets, weights });
  const x = at(model.input.name);
  return { builder, tape, x, targets, weights, target, output, ...emitted, at };
}

/** @throws RangeError unless the batch size is a whole number of 1 or more */
export function checkBatchSize(batchSize: number): void {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`Batch size must be a whole number of 1 or more, got ${batchSize}`);
  }
}
