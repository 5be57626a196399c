import { assert } from "@everfresh/core";
import { inBlocks } from "./blocks.ts";
import { emptyState, type Optimizer, SMALLEST_NORMAL } from "./optimizer.ts";
import { learningRateAt } from "./schedule.ts";
import { checkPositive, checkSettings, checkShare, type OptimizerSettings } from "./settings.ts";

/** RMSprop: steps divided by the root of the running mean of the squared gradient (Hinton, 2012). */
export interface RmspropSpec extends OptimizerSettings {
  readonly kind: "rmsprop";
  /** Decay of the means, from 0 to below 1. @default 0.99 */
  readonly alpha?: number;
  /** Added to the denominator, above 0. @default 1e-8 */
  readonly epsilon?: number;
  /** Share of the previous step that goes on, from 0 to below 1. @default 0 */
  readonly momentum?: number;
  /** Divide by the deviation from the mean gradient instead (Graves, 2013). @default false */
  readonly centered?: boolean;
}

/** RMSprop with the defaults of `torch.optim.RMSprop`: learning rate 0.01. */
export function rmsprop(options: Partial<Omit<RmspropSpec, "kind">> = {}): RmspropSpec {
  const { learningRate = 0.01, weightDecay = 0, alpha = 0.99, epsilon = 1e-8 } = options;
  const { momentum = 0, centered = false } = options;
  const settings = { ...options, learningRate, weightDecay, alpha, epsilon, momentum, centered };
  checkSettings("rmsprop", settings);
  checkPositive("rmsprop", { epsilon });
  checkShare("rmsprop", { alpha, momentum });
  return { kind: "rmsprop", ...settings };
}

/** The optimizer of an {@link RmspropSpec}, as `torch.optim.RMSprop` computes it. */
export function rmspropOptimizer(spec: RmspropSpec): Optimizer {
  const { alpha = 0.99, epsilon = 1e-8, momentum = 0, centered = false } = spec;
  const { weightDecay = 0, clipNorm = null } = spec;
  const slots = ["squareMean"];
  if (centered) slots.push("mean");
  if (momentum !== 0) slots.push("momentum");
  return {
    kind: "rmsprop",
    slots,
    clipNorm,
    secondMoment: { slot: 0, scaleAt: (step) => 1 / (1 - alpha ** step), epsilon },
    init: (parameterCount, allocate) => emptyState(slots.length, parameterCount, allocate),
    update(state, gradients, parameters) {
      const learningRate = learningRateAt(spec.learningRate, state.step++);
      const squareMean = state.slots[0];
      const mean = centered ? state.slots[1] : null;
      const velocity = momentum === 0 ? null : state.slots[slots.length - 1];
      assert(
        squareMean !== undefined && mean !== undefined && velocity !== undefined,
        `RMSprop needs ${slots.join(", ")}`,
      );
      const vectors = { gradients, parameters, squareMean, mean, velocity };
      const rates = { learningRate, weightDecay, alpha, epsilon, momentum };
      inBlocks(parameters.length, (from, to) => descend(vectors, rates, from, to));
    },
  };
}

/** The vectors of one step; null where the settings need none. */
interface Vectors {
  readonly gradients: Float32Array;
  readonly parameters: Float32Array;
  readonly squareMean: Float32Array;
  readonly mean: Float32Array | null;
  readonly velocity: Float32Array | null;
}

/** The numbers of one step. */
interface Rates {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly alpha: number;
  readonly epsilon: number;
  readonly momentum: number;
}

// d ← g + λ p ;  s ← α s + (1 − α) d² ;  centred: a ← a + (1 − α)(d − a), s − a² in place of s
// u ← d / (√s + ε) ;  with momentum: v ← m v + u, v in place of u ;  p ← p − lr · u
function descend(
  { gradients, parameters, squareMean, mean, velocity }: Vectors,
  { learningRate, weightDecay, alpha, epsilon, momentum }: Rates,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const p = parameters[i] ?? 0;
    const d = (gradients[i] ?? 0) + weightDecay * p;
    const s = alpha * (squareMean[i] ?? 0) + (1 - alpha) * d * d;
    squareMean[i] = s < SMALLEST_NORMAL ? 0 : s;
    let square = s;
    if (mean !== null) {
      const before = mean[i] ?? 0;
      const a = before + (1 - alpha) * (d - before);
      mean[i] = Math.abs(a) < SMALLEST_NORMAL ? 0 : a;
      // Never negative but for rounding, when the gradient stays the same for long.
      square = Math.max(0, s - a * a);
    }
    let u = d / (Math.sqrt(square) + epsilon);
    if (velocity !== null) {
      u += momentum * (velocity[i] ?? 0);
      velocity[i] = Math.abs(u) < SMALLEST_NORMAL ? 0 : u;
    }
    parameters[i] = p - learningRate * u;
  }
}
