import type { OptimizerSpec, Schedule } from "@everfresh/engine";
import type { Rollback } from "@everfresh/sync/node";

/**
 * Steps of the rise. An optimizer that starts anew knows the size of gradients from few steps; with
 * full steps from the first one on it would leave weights that are good.
 */
const REWARM_STEPS = 100;

/**
 * How the optimizer is set where training goes on at `version`: after a rollback that started it anew,
 * its learning rate begins with a rise.
 */
export function optimizerAfter(
  spec: OptimizerSpec,
  rollbacks: readonly Rollback[],
  version: number,
): OptimizerSpec {
  const isReset = rollbacks.some((entry) => entry.optimizerReset && entry.version <= version);
  return isReset ? { ...spec, learningRate: rewarmed(spec.learningRate) } : spec;
}

/** The same rates after a linear rise. A schedule begins anew; one with a rise of its own keeps it. */
function rewarmed(learningRate: number | Schedule): number | Schedule {
  if (typeof learningRate === "number") {
    return { kind: "warmUp", learningRate, warmUpSteps: REWARM_STEPS };
  }
  switch (learningRate.kind) {
    case "constant":
      return rewarmed(learningRate.learningRate);
    case "cosine":
      return { ...learningRate, warmUpSteps: learningRate.warmUpSteps || REWARM_STEPS };
    case "rewarmUp":
      return rewarmed(learningRate.schedule);
    case "warmUp":
    case "step":
      return learningRate;
  }
}
