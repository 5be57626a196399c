import { assert } from "@everfresh/core";
import { inBlocks } from "./blocks.ts";
import { emptyState, type Optimizer, SMALLEST_NORMAL } from "./optimizer.ts";
import { learningRateAt } from "./schedule.ts";
import {
  checkNotNegative,
  checkPositive,
  checkSettings,
  type OptimizerSettings,
} from "./settings.ts";

/** Adagrad: steps divided by the root of the sum of all squared gradients (Duchi et al., 2011). */
export interface AdagradSpec extends OptimizerSettings {
  readonly kind: "adagrad";
  /** The learning rate is divided by 1 + this · steps taken; 0 or more. @default 0 */
  readonly learningRateDecay?: number;
  /** What the sum of squares begins with, 0 or more. @default 0 */
  readonly initialAccumulator?: number;
  /** Added to the denominator, above 0. @default 1e-10 */
  readonly epsilon?: number;
}

/** Adagrad with the defaults of `torch.optim.Adagrad`: learning rate 0.01. */
export function adagrad(options: Partial<Omit<AdagradSpec, "kind">> = {}): AdagradSpec {
  const { learningRate = 0.01, weightDecay = 0, epsilon = 1e-10 } = options;
  const { learningRateDecay = 0, initialAccumulator = 0 } = options;
  const numbers = { weightDecay, epsilon, learningRateDecay, initialAccumulator };
  const settings = { ...options, learningRate, ...numbers };
  checkSettings("adagrad", settings);
  checkPositive("adagrad", { epsilon });
  checkNotNegative("adagrad", { learningRateDecay, initialAccumulator });
  return { kind: "adagrad", ...settings };
}

/** The optimizer of an {@link AdagradSpec}, as `torch.optim.Adagrad` computes it. */
export function adagradOptimizer(spec: AdagradSpec): Optimizer {
  const { learningRateDecay = 0, initialAccumulator = 0, epsilon = 1e-10 } = spec;
  const { weightDecay = 0, clipNorm = null } = spec;
  const slots = ["squareSum"];
  return {
    kind: "adagrad",
    slots,
    clipNorm,
    // The vector is a sum, not a mean, and does not hold what the sum began with.
    secondMoment: { slot: 0, scaleAt: (step) => 1 / step, epsilon },
    init: (parameterCount, allocate) => emptyState(slots.length, parameterCount, allocate),
    update(state, gradients, parameters) {
      const step = state.step++;
      const [squareSum] = state.slots;
      assert(squareSum !== undefined, "Adagrad needs its sum of squares");
      const learningRate = learningRateAt(spec.learningRate, step) / (1 + step * learningRateDecay);
      const rates = { learningRate, weightDecay, initialAccumulator, epsilon };
      inBlocks(parameters.length, (from, to) => {
        descend(parameters, gradients, squareSum, rates, from, to);
      });
    },
  };
}

/** The numbers of one step. */
interface Rates {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly initialAccumulator: number;
  readonly epsilon: number;
}

// d ← g + λ p ;  s ← s + d² ;  p ← p − lr · d / (√(s₀ + s) + ε).  The vector holds s without s₀, so
// that it starts at 0 like every other.
function descend(
  parameters: Float32Array,
  gradients: Float32Array,
  squareSum: Float32Array,
  { learningRate, weightDecay, initialAccumulator, epsilon }: Rates,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const p = parameters[i] ?? 0;
    const d = (gradients[i] ?? 0) + weightDecay * p;
    const s = (squareSum[i] ?? 0) + d * d;
    squareSum[i] = s < SMALLEST_NORMAL ? 0 : s;
    parameters[i] = p - (learningRate * d) / (Math.sqrt(initialAccumulator + s) + epsilon);
  }
}
