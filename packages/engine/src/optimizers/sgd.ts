import { assert } from "@everfresh/core";
import { inBlocks } from "./blocks.ts";
import { emptyState, type Optimizer, SMALLEST_NORMAL } from "./optimizer.ts";
import { learningRateAt } from "./schedule.ts";
import { checkSettings, checkShare, type OptimizerSettings } from "./settings.ts";

/** Stochastic gradient descent, with or without momentum. */
export interface SgdSpec extends OptimizerSettings {
  readonly kind: "sgd";
  /** Share of the previous step that goes on, from 0 to below 1. @default 0 */
  readonly momentum?: number;
  /** Look ahead along the momentum (Nesterov, 1983); needs one above 0. @default false */
  readonly nesterov?: boolean;
}

/** Stochastic gradient descent as `torch.optim.SGD` computes it, with dampening 0. */
export function sgd(options: Omit<SgdSpec, "kind">): SgdSpec {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
  checkSettings("sgd", options);
  checkShare("sgd", { momentum });
  if (nesterov && momentum === 0) {
    throw new RangeError("sgd() needs a momentum above 0 for nesterov, got 0");
  }
  return { kind: "sgd", ...options, momentum, nesterov, weightDecay };
}

/** The optimizer of an {@link SgdSpec}; without momentum it remembers no vectors. */
export function sgdOptimizer(spec: SgdSpec): Optimizer {
  const { momentum = 0, nesterov = false, weightDecay = 0, clipNorm = null } = spec;
  const slots = momentum === 0 ? [] : ["momentum"];
  const plain = weightDecay === 0 && !nesterov;
  return {
    kind: "sgd",
    slots,
    clipNorm,
    secondMoment: null,
    init: (parameterCount, allocate) => emptyState(slots.length, parameterCount, allocate),
    update(state, gradients, parameters) {
      const learningRate = learningRateAt(spec.learningRate, state.step++);
      const [velocity] = state.slots;
      if (momentum === 0) {
        inBlocks(parameters.length, (from, to) => {
          if (plain) descend(parameters, gradients, learningRate, from, to);
          else descendWithDecay(parameters, gradients, learningRate, weightDecay, from, to);
        });
      } else {
        assert(velocity !== undefined, "SGD with momentum needs its vector");
        const rates = { learningRate, momentum, nesterov, weightDecay };
        inBlocks(parameters.length, (from, to) => {
          if (plain) descendWithMomentum(parameters, gradients, velocity, rates, from, to);
          else descendWithBoth(parameters, gradients, velocity, rates, from, to);
        });
      }
    },
  };
}

/** Settings of one step. */
interface Rates {
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
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

// p ← p − lr · (g + λ · p)
function descendWithDecay(
  parameters: Float32Array,
  gradients: Float32Array,
  learningRate: number,
  weightDecay: number,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const p = parameters[i] ?? 0;
    parameters[i] = p - learningRate * ((gradients[i] ?? 0) + weightDecay * p);
  }
}

// v ← m · v + g ;  p ← p − lr · v.  v starts at 0, so the first step takes v = g as PyTorch does.
function descendWithMomentum(
  parameters: Float32Array,
  gradients: Float32Array,
  velocity: Float32Array,
  { learningRate, momentum }: Rates,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const v = momentum * (velocity[i] ?? 0) + (gradients[i] ?? 0);
    velocity[i] = Math.abs(v) < SMALLEST_NORMAL ? 0 : v;
    parameters[i] = (parameters[i] ?? 0) - learningRate * v;
  }
}

// d ← g + λ · p ;  v ← m · v + d ;  p ← p − lr · v, or with Nesterov p ← p − lr · (d + m · v)
function descendWithBoth(
  parameters: Float32Array,
  gradients: Float32Array,
  velocity: Float32Array,
  { learningRate, momentum, nesterov, weightDecay }: Rates,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const p = parameters[i] ?? 0;
    const d = (gradients[i] ?? 0) + weightDecay * p;
    const v = momentum * (velocity[i] ?? 0) + d;
    velocity[i] = Math.abs(v) < SMALLEST_NORMAL ? 0 : v;
    parameters[i] = p - learningRate * (nesterov ? d + momentum * v : v);
  }
}
