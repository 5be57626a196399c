import { assert } from "@everfresh/core";
import type { AdamSpec, AdamWSpec } from "../optimizers/adam.ts";
import { optimizerOf, type OptimizerSpec } from "../optimizers/optimizer-of.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import { learningRateAt } from "../optimizers/schedule.ts";
import type { SgdSpec } from "../optimizers/sgd.ts";
import type { Kernels } from "./kernels.ts";

type Update = Optimizer["update"];

/**
 * The optimizer of a spec with `kernels` for what it does to its vectors, where there are some; it
 * gives the same bits. All vectors must be such as the kernels take.
 */
export function kernelOptimizer(spec: OptimizerSpec, kernels: Kernels): Optimizer {
  const optimizer = optimizerOf(spec);
  switch (spec.kind) {
    case "sgd":
      return { ...optimizer, update: sgdUpdate(spec, kernels) };
    case "adam":
      return { ...optimizer, update: adamUpdate(spec, kernels, spec.weightDecay ?? 0, 0) };
    case "adamW":
      return { ...optimizer, update: adamUpdate(spec, kernels, 0, spec.weightDecay ?? 0.01) };
    case "rmsprop":
    case "adagrad":
      return optimizer;
  }
}

function sgdUpdate(spec: SgdSpec, kernels: Kernels): Update {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = spec;
  // With Nesterov the decay is added even where it is 0, as sgdOptimizer() does: the sign of a 0.
  const terms = { decay: weightDecay !== 0 || nesterov, momentum: momentum !== 0, nesterov };
  return (state, gradients, parameters) => {
    const learningRate = learningRateAt(spec.learningRate, state.step++);
    const [velocity] = state.slots;
    const numbers = { learningRate, momentum, weightDecay };
    kernels.sgd(terms, { gradients, parameters, velocity }, numbers);
  };
}

function adamUpdate(
  spec: AdamSpec | AdamWSpec,
  kernels: Kernels,
  added: number,
  decoupled: number,
): Update {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, amsgrad = false } = spec;
  const terms = { decay: added !== 0, amsgrad };
  return (state, gradients, parameters) => {
    const learningRate = learningRateAt(spec.learningRate, state.step);
    const step = ++state.step;
    const [first, second, secondMax] = state.slots;
    assert(first !== undefined && second !== undefined, "Adam needs its two moments");
    const vectors = { gradients, parameters, first, second, secondMax };
    kernels.adam(terms, vectors, {
      weightDecay: added,
      fresh1: 1 - beta1,
      beta2,
      fresh2: 1 - beta2,
      stepSize: learningRate / (1 - beta1 ** step),
      correction: Math.sqrt(1 - beta2 ** step),
      epsilon,
      kept: 1 - learningRate * decoupled,
    });
  };
}
