import { sizeOf } from "@everfresh/core";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { compare, scalar, select } from "../graph/elementwise-expressions.ts";
import { multiply, reshape, scale, sum } from "../graph/expressions.ts";
import type { EmittedLoss, LossCall } from "./loss.ts";

/** The loss of every single number of an output, and its derivative. */
interface ElementLoss {
  readonly loss: Value;
  readonly slope: Value;
}

/**
 * A loss that compares every number z of an output with the number y of the target. Over K numbers
 * per sample and with the sample's weight w:
 *
 *   loss = Σ w / K · l(z, y)        ∂loss/∂z = w / K · l′(z, y)
 */
export function emitElementwise(
  { builder, output, targets, weights }: LossCall,
  element: (builder: GraphBuilder, z: Value, y: Value) => ElementLoss,
): EmittedLoss {
  const [batch = 0, ...shape] = output.shape;
  const column = reshape(builder, weights, [batch, ...shape.map(() => 1)]);
  const { loss, slope } = element(builder, output, countedTargets(builder, targets, column));
  const share = scale(builder, column, 1 / sizeOf(shape));
  const axes = output.shape.map((_, axis) => axis);
  return {
    loss: sum(builder, multiply(builder, loss, share), axes),
    outputGradient: multiply(builder, slope, share),
    totalWeight: null,
  };
}

/** The targets, with 0 in samples of weight 0: what they hold may not even be a number. */
export function countedTargets(b: GraphBuilder, targets: Value, weightColumn: Value): Value {
  return select(b, compare(b, "Greater", weightColumn, scalar(b, 0)), targets, scalar(b, 0));
}
