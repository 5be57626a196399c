import { Random, sizeOf, tensorOf, type Tensor } from "@everfresh/core";
import type { TrainingStep } from "../autodiff/training-step.ts";
import type { Model } from "../models/model.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { fillMask } from "./dropout-masks.ts";
import { plainMaskSource } from "./mask-source.ts";
import { batchShape } from "./training-program.ts";

/**
 * Two formulations of one gradient differ by rounding, and where that moves a value over the edge of a
 * Relu by single entries. A wrong one differs by as much as the gradient itself.
 */
const DEVIATION_MAX = 0.02;

/** Gradients smaller than this share of all gradients are compared with that share: rounding, mostly. */
const SHARE_MIN = 1e-3;

/** What a self-test found. */
export interface SelfTestReport {
  /** Whether the gradients agree. */
  readonly passed: boolean;
  /** The output that agrees least: a parameter, a running statistic, or "loss". */
  readonly worst: string;
  /** |difference| / |reference| of that output, in the Euclidean norm. */
  readonly deviation: number;
}

/**
 * Compares a training step with another formulation of the same step on one batch of random samples,
 * under the model's state.
 * @throws RuntimeFailedError when ONNX Runtime cannot compute one of them
 */
export async function selfTest(
  { input, state }: Pick<Model, "input" | "state">,
  candidate: TrainingStep,
  reference: TrainingStep,
  runtime: Runtime,
  { threads = 1, seed = 0 }: { readonly threads?: number; readonly seed?: number } = {},
): Promise<SelfTestReport> {
  const run = async (step: TrainingStep): Promise<ReadonlyMap<string, Float32Array>> => {
    const results = outputsOf(step, state);
    const graph = await runtime.open(step.onnx, { threads });
    try {
      const inputs = new Map([...privateCopy(state), ...randomBatch(step, input, seed)]);
      await graph.bind(inputs, new Map(results.map(({ name, tensor }) => [name, tensor])))();
    } finally {
      await graph.release();
    }
    return new Map(results.map(({ meaning, tensor }) => [meaning, tensor.data]));
  };
  const actual = await run(candidate);
  const expected = await run(reference);
  const whole = Math.hypot(...Array.from(expected.values(), norm));
  const deviations = Array.from(expected, ([name, values]) => {
    const difference = norm(values.map((value, i) => value - (actual.get(name)?.[i] ?? NaN)));
    const deviation = difference / Math.max(norm(values), SHARE_MIN * whole, Number.MIN_VALUE);
    return { name, deviation: Number.isNaN(deviation) ? Infinity : deviation };
  });
  const worst = deviations.reduce((a, b) => (b.deviation > a.deviation ? b : a));
  return {
    passed: worst.deviation <= DEVIATION_MAX,
    worst: worst.name,
    deviation: worst.deviation,
  };
}

interface Result {
  /** Name of the output. */
  readonly name: string;
  /** What it is, by the same name in every formulation. */
  readonly meaning: string;
  readonly tensor: Tensor<"float32">;
}

function outputsOf({ outputs }: TrainingStep, state: Model["state"]): readonly Result[] {
  const result = (name: string, meaning: string, shape: readonly number[]): Result => {
    const data = new Float32Array(sizeOf(shape));
    return { name, meaning, tensor: { dtype: "float32", shape, data } };
  };
  const parameters = state.layout.tensors.filter(({ role }) => role === "parameter");
  return [
    result(outputs.loss, "loss", []),
    ...parameters.map(({ name, shape }, i) => result(outputs.gradients[i] ?? "", name, shape)),
    ...outputs.moments.flatMap(({ mean, variance, runningMean, runningVariance }) => {
      const { shape } = tensorOf(state, runningMean);
      return [result(mean, runningMean, shape), result(variance, runningVariance, shape)];
    }),
  ];
}

/** ONNX Runtime takes no memory that threads share. */
function privateCopy(state: Model["state"]): readonly (readonly [string, Tensor])[] {
  return state.layout.tensors.map(({ name }) => {
    const tensor = tensorOf(state, name);
    return [name, { ...tensor, data: tensor.data.slice() }];
  });
}

/** Numbers from 0 to 1: also as ids they are good, the first of each table. */
function randomBatch(
  { batchSize, inputs, target }: TrainingStep,
  input: Model["input"],
  seed: number,
): readonly (readonly [string, Tensor])[] {
  const random = new Random(seed);
  const floats = (shape: readonly number[]): Tensor => ({
    dtype: "float32",
    shape,
    data: Float32Array.from({ length: sizeOf(shape) }, () => random.float()),
  });
  const classes = target.kind === "classIndex" ? target.classes : 1;
  const targets: Tensor =
    target.kind === "classIndex"
      ? {
          dtype: "int64",
          shape: [batchSize],
          data: BigInt64Array.from({ length: batchSize }, (_, i) => BigInt(i % classes)),
        }
      : floats([batchSize, ...target.shape]);
  const ones = new Float32Array(batchSize).fill(1);
  return [
    [inputs.x, floats(batchShape(input, batchSize))],
    [inputs.targets, targets],
    [inputs.weights, { dtype: "float32", shape: [batchSize], data: ones }],
    ...inputs.masks.map((mask): [string, Tensor] => {
      const data = new Float32Array(sizeOf(mask.shape));
      fillMask(
        mask,
        data,
        batchSize,
        { seed, optimizerStep: 0 },
        [0, batchSize],
        plainMaskSource(),
      );
      return [mask.name, { dtype: "float32", shape: mask.shape, data }];
    }),
  ];
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
