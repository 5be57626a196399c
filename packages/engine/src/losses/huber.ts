import { larger, scalar, smaller } from "../graph/elementwise-expressions.ts";
import { multiply, scale, subtract } from "../graph/expressions.ts";
import { emitElementwise } from "./elementwise-loss.ts";
import type { LossRule } from "./loss.ts";

/**
 * Squared deviation near the target, absolute deviation far from it, so that outliers do not rule
 * (Huber, 1964), as `torch.nn.HuberLoss`. Targets are numbers in the shape of the output.
 */
export interface HuberSpec {
  readonly kind: "huber";
  /** Deviation up to which the loss is quadratic, above 0. @default 1 */
  readonly delta?: number;
}

/**
 * With d = z − y and c = d cut off at ±δ:
 *
 *   l(z, y) = d² / 2 where |d| ≤ δ, else δ (|d| − δ / 2);  both are c · (d − c / 2)
 *   l′(z, y) = c
 */
export const huber: LossRule<HuberSpec> = {
  target({ delta = 1 }, output) {
    if (!(delta > 0 && Number.isFinite(delta))) {
      throw new RangeError(`Huber loss needs a delta above 0, got ${delta}`);
    }
    return { kind: "numbers", shape: output };
  },
  emit: ({ delta = 1 }, call) =>
    emitElementwise(call, (b, z, y) => {
      const deviation = subtract(b, z, y);
      const cut = smaller(b, larger(b, deviation, scalar(b, -delta)), scalar(b, delta));
      return {
        loss: multiply(b, cut, subtract(b, deviation, scale(b, cut, 0.5))),
        slope: cut,
      };
    }),
};
