import { describe, expect, it } from "vitest";
import { openTrainingSession } from "../sessions/open-training-session.ts";
import {
  GOLDEN_CASES,
  GOLDEN_OPTIMIZERS,
  goldenModelState,
  type GoldenTraining,
  readGoldenModel,
  smoothed,
  trainingBatch,
} from "./golden-models.fixture.ts";

type OptimizerName = keyof typeof GOLDEN_OPTIMIZERS;

/** What single steps may be off by, relative to the loss. */
const STEP_ERROR = 1e-4;

/** Trajectories of this distance are the same but for the last bits of float32. */
const ROUNDING = 2e-6;

/** Trained over 100 steps. */
const LONG = ["lenet5", "transformer-pre-norm"];

/** Losses at each step of training, with statistics of the whole batch in one worker. */
async function lossesOf(name: string, optimizer: OptimizerName, steps: number): Promise<number[]> {
  const golden = GOLDEN_CASES[name]!();
  // Kinks magnify rounding: what is not there to be trained for long has smooth activations.
  const model = LONG.includes(name) ? golden.model : smoothed(golden.model);
  await using session = await openTrainingSession(
    { ...model, state: goldenModelState(model) },
    {
      optimizer: GOLDEN_OPTIMIZERS[optimizer],
      batchSize: golden.batchSize,
      plan: { workers: 1, batchNorm: "exact" },
    },
  );
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    losses.push((await session.step(trainingBatch(golden, step))).loss);
  }
  return losses;
}

function largestError(losses: readonly number[], expected: readonly number[]): number {
  return Math.max(...losses.map((loss, i) => Math.abs(loss / (expected[i] ?? NaN) - 1)));
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? NaN))));
}

// One run takes a worker with a runtime of its own: each model is trained by one of the optimizers.
const SHORT: { readonly [N in OptimizerName]: readonly string[] } = {
  sgd: ["resnet-bottleneck", "mobilenet", "densenet", "dlrm"],
  adam: ["resnet-basic", "cifar-resnet", "transformer-post-norm", "lstm"],
};

it("leaves no model out", () => {
  expect([...SHORT.sgd, ...SHORT.adam, ...LONG].toSorted()).toEqual(
    Object.keys(GOLDEN_CASES).toSorted(),
  );
});

describe.each(["sgd", "adam"] as const)("training with %s", (optimizer) => {
  const golden = (name: string): GoldenTraining => readGoldenModel(name).training[optimizer];

  it.each(SHORT[optimizer])(
    "has PyTorch's loss after each of the first steps: %s",
    async (name) => {
      const { exact } = golden(name);
      const losses = await lossesOf(name, optimizer, exact.length);
      expect(largestError(losses, exact)).toBeLessThan(STEP_ERROR);
    },
  );

  // LeNet-5 in both of PyTorch's memory formats; for texts there is one, so its float64 counts.
  it.each(LONG)(
    "stays as close to PyTorch over 100 steps as PyTorch to itself: %s",
    async (name) => {
      const { exact, single } = golden(name);
      const [first = [], second = exact] = single;
      const losses = await lossesOf(name, optimizer, first.length);
      expect(losses).toHaveLength(100);
      expect(largestError(losses.slice(0, 4), exact)).toBeLessThan(STEP_ERROR);
      const own = distance(first, second);
      expect(distance(losses, first)).toBeLessThanOrEqual(Math.max(2 * own, ROUNDING));
    },
  );
});
