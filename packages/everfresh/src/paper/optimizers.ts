import { adam, type OptimizerSpec, type Schedule, sgd } from "@everfresh/engine";

/** Of Adam in the paper's experiments. */
export const LEARNING_RATE = 1e-3;

/** The optimizer of the paper's experiments, with another rate if asked. */
export function paperAdam(learningRate: number | Schedule = LEARNING_RATE): OptimizerSpec {
  return adam({ learningRate, amsgrad: true });
}

/** The optimizers of the paper's experiments and of its Algorithm 1. */
export const OPTIMIZERS: { readonly [K in "adam" | "sgd"]: OptimizerSpec } = {
  adam: paperAdam(),
  // The paper names no rate for its Algorithm 1: the usual one, which nobody has tuned.
  sgd: sgd({ learningRate: 0.01 }),
};
