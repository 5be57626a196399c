import { map, scalar } from "../graph/elementwise-expressions.ts";
import { add, multiply, negate, subtract } from "../graph/expressions.ts";
import { emitElementwise } from "./elementwise-loss.ts";
import type { LossRule } from "./loss.ts";

/**
 * The loss of yes-or-no answers, any number of them per sample: the mean of −log of the probability
 * that sigmoid(logit) gives to what is true, as `torch.nn.BCEWithLogitsLoss`. Targets are numbers
 * from 0 to 1 in the shape of the output.
 */
export interface BinaryCrossEntropyWithLogitsSpec {
  readonly kind: "binaryCrossEntropyWithLogits";
}

/**
 *   l(z, y) = −y log σ(z) − (1 − y) log(1 − σ(z)) = (1 − y) z + log(1 + e⁻ᶻ)
 *   l′(z, y) = σ(z) − y
 *
 * Neither form of the right side overflows.
 */
export const binaryCrossEntropyWithLogits: LossRule<BinaryCrossEntropyWithLogitsSpec> = {
  target: (_spec, output) => ({ kind: "numbers", shape: output }),
  emit: (_spec, call) =>
    emitElementwise(call, (b, z, y) => ({
      loss: add(b, multiply(b, subtract(b, scalar(b, 1), y), z), map(b, "Softplus", negate(b, z))),
      slope: subtract(b, map(b, "Sigmoid", z), y),
    })),
};
