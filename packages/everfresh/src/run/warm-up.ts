import type { OptimizerSpec, Schedule } from "@everfresh/engine";
import type { Rollback } from "@everfresh/sync/node";
import type { ModelDefinition } from "../config/define-model.ts";

/**
 * Steps of the rise where training begins at weights that are good already: full steps from the first
 * one on would leave them, whether the optimizer remembers or starts anew. 100 are too few, more than 300
 * mend no more: docs/benchmarks.md, "The dip at the start".
 */
export const WARM_UP_STEPS = 300;

/**
 * Steps over which the learning rate of a run rises that starts now, 0 where it does not: the weights
 * are trained, the rate is constant, and the strategy takes single steps. What a retraining goes
 * through meanwhile, nobody sees.
 */
export function warmUpStepsOf({
  weights,
  model,
  strategy,
  optimizer,
}: Pick<ModelDefinition, "weights" | "model" | "strategy" | "optimizer">): number {
  const isTrained = (weights ?? (typeof model === "string" ? "trained" : "fresh")) === "trained";
  const takesSteps = strategy.kind === "proactive" || strategy.kind === "online";
  return isTrained && takesSteps && isConstant(optimizer.learningRate) ? WARM_UP_STEPS : 0;
}

/** What decides how the optimizer of a run is set. */
export interface OptimizerPast {
  /** Recorded when the run started, see {@link warmUpStepsOf}. */
  readonly warmUpSteps: number;
  readonly rollbacks: readonly Rollback[];
  /** Where training goes on. */
  readonly version: number;
}

/**
 * How the optimizer of a run is set: with the rise that the run started with, if its rate is constant;
 * after a rollback that started it anew, its learning rate begins with a rise. Rates go by the number of
 * steps that the optimizer has taken, so a run that is resumed goes on with the rate that it would have.
 */
export function optimizerOfRun(
  spec: OptimizerSpec,
  { warmUpSteps, rollbacks, version }: OptimizerPast,
): OptimizerSpec {
  const { learningRate } = spec;
  const isReset = rollbacks.some((entry) => entry.optimizerReset && entry.version <= version);
  if (isReset) return { ...spec, learningRate: rising(learningRate, WARM_UP_STEPS) };
  const starts = warmUpSteps > 0 && isConstant(learningRate);
  return starts ? { ...spec, learningRate: rising(learningRate, warmUpSteps) } : spec;
}

function isConstant(learningRate: number | Schedule): boolean {
  return typeof learningRate === "number" || learningRate.kind === "constant";
}

/** The same rates after a linear rise. A schedule begins anew; one with a rise of its own keeps it. */
function rising(learningRate: number | Schedule, warmUpSteps: number): number | Schedule {
  if (typeof learningRate === "number") return { kind: "warmUp", learningRate, warmUpSteps };
  switch (learningRate.kind) {
    case "constant":
      return rising(learningRate.learningRate, warmUpSteps);
    case "cosine":
    case "inverseSquareRoot":
      return { ...learningRate, warmUpSteps: learningRate.warmUpSteps || warmUpSteps };
    case "rewarmUp":
      return rising(learningRate.schedule, warmUpSteps);
    case "warmUp":
    case "step":
      return learningRate;
  }
}
