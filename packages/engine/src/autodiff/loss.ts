import { UntrainableModelError } from "../errors.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { exponential, multiply, negate, reshape, subtract, sum } from "../graph/expressions.ts";

/** Which loss a training step minimises. */
export interface LossSpec {
  /** −log softmax(logits)[target]: the loss of classification with exactly one true class. */
  readonly kind: "softmaxCrossEntropy";
}

/** What a loss is computed from. */
export interface LossCall {
  readonly builder: GraphBuilder;
  /** float32 [B, ...]. */
  readonly output: Value;
  /** int64 [B]. */
  readonly targets: Value;
  /** float32 [B]. */
  readonly weights: Value;
}

/** A loss summed over samples, with its derivative. */
export interface EmittedLoss {
  /** Scalar. */
  readonly loss: Value;
  /** ∂loss/∂output, in the output's shape. */
  readonly outputGradient: Value;
}

/** How each loss is computed. */
const LOSSES: { readonly [K in LossSpec["kind"]]: (call: LossCall) => EmittedLoss } = {
  softmaxCrossEntropy,
};

/**
 * Emits a loss and its derivative.
 * @throws UntrainableModelError when the model's output does not suit the loss
 */
export function emitLoss(spec: LossSpec, call: LossCall): EmittedLoss {
  return LOSSES[spec.kind](call);
}

/**
 * With p = softmax(z), t the one-hot target and w the weight of a sample:
 *
 *   loss = −Σ w · t · log p        ∂loss/∂z = w · p − w · t
 */
function softmaxCrossEntropy({ builder, output: z, targets, weights }: LossCall): EmittedLoss {
  const [batch = 0, classes = 0] = z.shape;
  if (z.shape.length !== 2 || classes < 2) {
    throw new UntrainableModelError(
      "Softmax cross-entropy needs an output of [batch, classes], " +
        `the model's has shape [${z.shape.join(", ")}]`,
    );
  }
  const logProbabilities = builder.emit("LogSoftmax", [z], z, {
    axis: { kind: "int", value: -1 },
  });
  const weightColumn = reshape(builder, weights, [batch, 1]);
  const oneHot = builder.emit(
    "OneHot",
    [targets, builder.ints([classes], []), builder.floats([0, 1])],
    { dtype: "float32", shape: z.shape },
    { axis: { kind: "int", value: -1 } },
  );
  const wanted = multiply(builder, oneHot, weightColumn);
  const got = multiply(builder, exponential(builder, logProbabilities), weightColumn);
  return {
    loss: negate(builder, sum(builder, multiply(builder, wanted, logProbabilities), [0, 1])),
    outputGradient: subtract(builder, got, wanted),
  };
}
