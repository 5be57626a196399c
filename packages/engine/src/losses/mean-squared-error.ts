import { multiply, scale, subtract } from "../graph/expressions.ts";
import { emitElementwise } from "./elementwise-loss.ts";
import type { LossRule } from "./loss.ts";

/**
 * The mean squared deviation of the output from the target, as `torch.nn.MSELoss`. Targets are numbers
 * in the shape of the output.
 */
export interface MeanSquaredErrorSpec {
  readonly kind: "meanSquaredError";
}

/** l(z, y) = (z − y)² ;  l′(z, y) = 2 (z − y) */
export const meanSquaredError: LossRule<MeanSquaredErrorSpec> = {
  target: (_spec, output) => ({ kind: "numbers", shape: output }),
  emit: (_spec, call) =>
    emitElementwise(call, (b, z, y) => {
      const deviation = subtract(b, z, y);
      return { loss: multiply(b, deviation, deviation), slope: scale(b, deviation, 2) };
    }),
};
