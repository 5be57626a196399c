import type { Shape } from "@everfresh/core";
import { UntrainableModelError } from "../errors.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { compare, scalar, select } from "../graph/elementwise-expressions.ts";
import {
  add,
  exponential,
  multiply,
  negate,
  reshape,
  scale,
  subtract,
  sum,
} from "../graph/expressions.ts";
import { countedTargets } from "./elementwise-loss.ts";
import type { EmittedLoss, LossCall, LossRule, TargetSpec } from "./loss.ts";

/**
 * −log softmax(logits)[target]: the loss of classification with exactly one true class, as
 * `torch.nn.CrossEntropyLoss`.
 */
export interface SoftmaxCrossEntropySpec {
  readonly kind: "softmaxCrossEntropy";
  /** Targets are the number of a class, or soft: a probability for every class. @default "integer" */
  readonly labels?: "integer" | "soft";
  /**
   * How much each class counts, one number of 0 or more for each. With integer labels a sample counts
   * in the mean as much as its class does; with soft ones as much as any other. As in torch.
   */
  readonly classWeights?: readonly number[];
  /** Share of the target that is spread evenly over all classes, from 0 to 1. @default 0 */
  readonly labelSmoothing?: number;
  /** A number that stands for "no target": such samples do not count. Only with integer labels. */
  readonly ignoreIndex?: number;
}

/** See {@link emitPlain} and {@link emitGeneral} for the formulas. */
export const softmaxCrossEntropy: LossRule<SoftmaxCrossEntropySpec> = {
  target: targetOf,
  emit(spec, call) {
    const { labels, classWeights, labelSmoothing = 0, ignoreIndex } = spec;
    const plain = labels !== "soft" && classWeights === undefined && ignoreIndex === undefined;
    return plain && labelSmoothing === 0 ? emitPlain(call) : emitGeneral(spec, call);
  },
};

function targetOf(spec: SoftmaxCrossEntropySpec, output: Shape): TargetSpec {
  const { labels, classWeights, labelSmoothing = 0, ignoreIndex = null } = spec;
  const [classes = 0] = output;
  if (output.length !== 1 || classes < 2) {
    throw new UntrainableModelError(
      "Softmax cross-entropy needs an output of [batch, classes], " +
        `the model's has shape [${["batch", ...output].join(", ")}]`,
    );
  }
  if (classWeights !== undefined && classWeights.length !== classes) {
    throw new UntrainableModelError(
      `Softmax cross-entropy has ${classWeights.length} class weights for ${classes} classes`,
    );
  }
  const wrong = classWeights?.find((weight) => !(weight >= 0 && Number.isFinite(weight)));
  if (wrong !== undefined) throw new RangeError(`Class weights are 0 or more, got ${wrong}`);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new RangeError(`Label smoothing is from 0 to 1, got ${labelSmoothing}`);
  }
  if (labels === "soft") {
    if (ignoreIndex === null) return { kind: "numbers", shape: output };
    throw new RangeError("Soft labels have no ignoreIndex; give such samples the weight 0");
  }
  // Targets travel as 32-bit integers.
  if (ignoreIndex !== null && ignoreIndex !== (ignoreIndex | 0)) {
    throw new RangeError(`ignoreIndex is a whole number of 32 bits, got ${ignoreIndex}`);
  }
  return { kind: "classIndex", classes, ignoreIndex };
}

/**
 * With p = softmax(z), t the one-hot target and w the weight of a sample:
 *
 *   loss = −Σ w · t · log p        ∂loss/∂z = w · p − w · t
 */
function emitPlain({ builder, output: z, targets, weights }: LossCall): EmittedLoss {
  const [batch = 0] = z.shape;
  const logProbabilities = logSoftmax(builder, z);
  const weightColumn = reshape(builder, weights, [batch, 1]);
  const wanted = multiply(builder, oneHot(builder, targets, z), weightColumn);
  const got = multiply(builder, exponential(builder, logProbabilities), weightColumn);
  return {
    loss: negate(builder, sum(builder, multiply(builder, wanted, logProbabilities), [0, 1])),
    outputGradient: subtract(builder, got, wanted),
    totalWeight: null,
  };
}

/**
 * With p = softmax(z), t the target (one-hot or soft), ε the smoothing, C the number of classes, c the
 * weights of the classes, and w the weight of a sample (0 where the target is ignored):
 *
 *   q = c · ((1 − ε) t + ε / C)      loss = −Σ w · q · log p      ∂loss/∂z = w · (p · Σ q − q)
 *
 * where Σ q runs over the classes. Total weight: with integer labels Σ w · c[target], else Σ w.
 */
function emitGeneral(spec: SoftmaxCrossEntropySpec, call: LossCall): EmittedLoss {
  const { labels, classWeights, labelSmoothing = 0, ignoreIndex } = spec;
  const { builder: b, output: z, targets, weights } = call;
  const [batch = 0, classes = 0] = z.shape;
  const soft = labels === "soft";
  const counted =
    ignoreIndex === undefined
      ? weights
      : select(b, compare(b, "Equal", targets, b.ints([ignoreIndex], [])), scalar(b, 0), weights);
  const weightColumn = reshape(b, counted, [batch, 1]);
  const target = soft ? countedTargets(b, targets, weightColumn) : oneHot(b, targets, z);
  const classRow = classWeights === undefined ? null : b.floats(classWeights, [1, classes]);
  const smoothed =
    labelSmoothing === 0
      ? target
      : add(b, scale(b, target, 1 - labelSmoothing), scalar(b, labelSmoothing / classes));
  const q = classRow === null ? smoothed : multiply(b, smoothed, classRow);
  const logProbabilities = logSoftmax(b, z);
  const probabilities = exponential(b, logProbabilities);
  // The smoothed one-hot target adds up to 1.
  const got =
    !soft && classRow === null
      ? probabilities
      : multiply(b, probabilities, sum(b, q, [1], { keepDimensions: true }));
  const losses = multiply(b, multiply(b, q, logProbabilities), weightColumn);
  return {
    loss: negate(b, sum(b, losses, [0, 1])),
    outputGradient: multiply(b, subtract(b, got, q), weightColumn),
    totalWeight: soft ? null : totalWeight(b, { weightColumn, target, classRow }),
  };
}

function totalWeight(
  b: GraphBuilder,
  parts: { readonly weightColumn: Value; readonly target: Value; readonly classRow: Value | null },
): Value {
  const { weightColumn, target, classRow } = parts;
  if (classRow === null) return sum(b, weightColumn, [0, 1]);
  return sum(b, multiply(b, multiply(b, target, classRow), weightColumn), [0, 1]);
}

function logSoftmax(b: GraphBuilder, z: Value): Value {
  return b.emit("LogSoftmax", [z], z, { axis: { kind: "int", value: -1 } });
}

function oneHot(b: GraphBuilder, targets: Value, z: Value): Value {
  return b.emit(
    "OneHot",
    [targets, b.ints([z.shape[1] ?? 0], []), b.floats([0, 1])],
    { dtype: "float32", shape: z.shape },
    { axis: { kind: "int", value: -1 } },
  );
}
