import type { Shape } from "@everfresh/core";
import {
  binaryCrossEntropyWithLogits,
  type BinaryCrossEntropyWithLogitsSpec,
} from "./binary-cross-entropy.ts";
import { huber, type HuberSpec } from "./huber.ts";
import type { EmittedLoss, LossCall, LossRule, TargetSpec } from "./loss.ts";
import { meanSquaredError, type MeanSquaredErrorSpec } from "./mean-squared-error.ts";
import { softmaxCrossEntropy, type SoftmaxCrossEntropySpec } from "./softmax-cross-entropy.ts";

/** Which loss a training step minimises, with which settings: plain data. */
export type LossSpec =
  SoftmaxCrossEntropySpec | BinaryCrossEntropyWithLogitsSpec | MeanSquaredErrorSpec | HuberSpec;

type Kind = LossSpec["kind"];

/** How each loss is computed. */
const LOSSES: { readonly [K in Kind]: LossRule<Extract<LossSpec, { kind: K }>> } = {
  softmaxCrossEntropy,
  binaryCrossEntropyWithLogits,
  meanSquaredError,
  huber,
};

/**
 * The targets that a loss takes for a model whose output has a shape, given without the batch.
 * @throws UntrainableModelError when the output does not suit the loss
 * @throws RangeError when a setting of the loss cannot work
 */
export function targetOf(spec: LossSpec, output: Shape): TargetSpec {
  return ruleOf(spec.kind).target(spec, output);
}

/** Emits a loss and its derivative; {@link targetOf} has accepted the output. */
export function emitLoss(spec: LossSpec, call: LossCall): EmittedLoss {
  return ruleOf(spec.kind).emit(spec, call);
}

function ruleOf<K extends Kind>(kind: K): LossRule<Extract<LossSpec, { kind: K }>> {
  return LOSSES[kind];
}
