import { adam, type OptimizerSpec, sgd } from "@everfresh/engine";

/** The optimizers of the paper's experiments and of its Algorithm 1. */
export const OPTIMIZERS: { readonly [K in "adam" | "sgd"]: OptimizerSpec } = {
  adam: adam({ learningRate: 1e-3, amsgrad: true }),
  // The paper names no rate for its Algorithm 1: the usual one, which nobody has tuned.
  sgd: sgd({ learningRate: 0.01 }),
};
