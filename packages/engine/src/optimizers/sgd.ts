import { assert } from "@everfresh/core";
import { inBlocks } from "./blocks.ts";
import { emptyState, type Optimizer, SMALLEST_NORMAL } from "./optimizer.ts";

/** Stochastic gradient descent, with or without momentum. */
export interface SgdSpec {
  readonly kind: "sgd";
  /** Step size, above 0. */
  readonly learningRate: number;
  /** Share of the previous step that goes on, from 0 to below 1. @default 0 */
  readonly momentum?: number;
}

/** Stochastic gradient descent as `torch.optim.SGD` computes it. */
export function sgd(options: Omit<SgdSpec, "kind">): SgdSpec {
  const { learningRate, momentum = 0 } = options;
  if (!(learningRate > 0 && Number.isFinite(learningRate))) {
    throw new RangeError(`sgd() needs a learning rate above 0, got ${learningRate}`);
  }
  if (!(momentum >= 0 && momentum < 1)) {
    throw new RangeError(`sgd() needs a momentum from 0 to below 1, got ${momentum}`);
  }
  return { kind: "sgd", learningRate, momentum };
}

/** The optimizer of an {@link SgdSpec}; without momentum it remembers no vectors. */
export function sgdOptimizer(spec: SgdSpec): Optimizer {
  const { learningRate, momentum = 0 } = spec;
  const slots = momentum === 0 ? [] : ["momentum"];
  return {
    kind: "sgd",
    slots,
    init: (parameterCount, allocate) => emptyState(slots.length, parameterCount, allocate),
    update(state, gradients, parameters) {
      state.step++;
      const [velocity] = state.slots;
      if (momentum === 0) {
        inBlocks(parameters.length, (from, to) => {
          descend(parameters, gradients, learningRate, from, to);
        });
      } else {
        assert(velocity !== undefined, "SGD with momentum needs its vector");
        const rates = { learningRate, momentum };
        inBlocks(parameters.length, (from, to) => {
          descendWithMomentum(parameters, gradients, velocity, rates, from, to);
        });
      }
    },
  };
}

// p ← p − lr · g
function descend(
  parameters: Float32Array,
  gradients: Float32Array,
  learningRate: number,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    parameters[i] = (parameters[i] ?? 0) - learningRate * (gradients[i] ?? 0);
  }
}

// v ← m · v + g ;  p ← p − lr · v.  v starts at 0, so the first step takes v = g as PyTorch does.
function descendWithMomentum(
  parameters: Float32Array,
  gradients: Float32Array,
  velocity: Float32Array,
  { learningRate, momentum }: Required<Omit<SgdSpec, "kind">>,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const v = momentum * (velocity[i] ?? 0) + (gradients[i] ?? 0);
    velocity[i] = Math.abs(v) < SMALLEST_NORMAL ? 0 : v;
    parameters[i] = (parameters[i] ?? 0) - learningRate * v;
  }
}
