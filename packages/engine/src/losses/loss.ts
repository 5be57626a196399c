/**
 * A loss is what training makes small. Every loss is a sum over the samples, each with a weight of
 * its own, so that the parts of a batch add up; {@link EmittedLoss.totalWeight} is what the sum is
 * divided by for the mean. A sample of weight 0 adds exactly 0, whatever its target holds.
 */
import type { Shape } from "@everfresh/core";
import type { GraphBuilder, Value } from "../graph/builder.ts";

/** What a loss takes as the target of one sample. */
export type TargetSpec = ClassIndexTarget | NumbersTarget;

/** A target that is a whole number from 0 to `classes` − 1, as int64. */
export interface ClassIndexTarget {
  readonly kind: "classIndex";
  readonly classes: number;
  /** Another number, which says that the sample does not count; null when there is none. */
  readonly ignoreIndex: number | null;
}

/** A target of float32 numbers. */
export interface NumbersTarget {
  readonly kind: "numbers";
  /** Without the batch. */
  readonly shape: Shape;
}

/** What a loss is computed from. */
export interface LossCall {
  readonly builder: GraphBuilder;
  /** float32 [B, ...]. */
  readonly output: Value;
  /** int64 [B] or float32 [B, ...], as the loss's {@link TargetSpec} says. */
  readonly targets: Value;
  /** float32 [B], each 0 or more. */
  readonly weights: Value;
}

/** A loss summed over samples, with its derivative. */
export interface EmittedLoss {
  /** Scalar. */
  readonly loss: Value;
  /** ∂loss/∂output, in the output's shape. */
  readonly outputGradient: Value;
  /** Scalar: how much all samples count together; null where that is the sum of their weights. */
  readonly totalWeight: Value | null;
}

/** How one kind of loss is computed. */
export interface LossRule<Spec> {
  /**
   * The targets that go with outputs of a shape, given without the batch.
   * @throws UntrainableModelError when the output does not suit the loss
   * @throws RangeError when a setting cannot work
   */
  target(spec: Spec, output: Shape): TargetSpec;
  /** Emits the loss and its derivative; {@link LossRule.target} has accepted the shapes. */
  emit(spec: Spec, call: LossCall): EmittedLoss;
}
