import { assert } from "@everfresh/core";
import { inBlocks } from "./blocks.ts";
import { emptyState, type Optimizer, SMALLEST_NORMAL } from "./optimizer.ts";
import { learningRateAt } from "./schedule.ts";
import { checkPositive, checkSettings, checkShare, type OptimizerSettings } from "./settings.ts";

/** What Adam and AdamW can be told. */
export interface AdamSettings extends OptimizerSettings {
  /** Decay of the mean of the gradient, from 0 to below 1. @default 0.9 */
  readonly beta1?: number;
  /** Decay of the mean of its square, from 0 to below 1. @default 0.999 */
  readonly beta2?: number;
  /** Added to the denominator, above 0. @default 1e-8 */
  readonly epsilon?: number;
  /** Divide by the largest second moment so far (Reddi et al., 2018). @default false */
  readonly amsgrad?: boolean;
}

/** Adam: steps scaled by running moments of the gradient (Kingma and Ba, 2015). */
export interface AdamSpec extends AdamSettings {
  readonly kind: "adam";
}

/** Adam whose weight decay does not pass through the moments (Loshchilov and Hutter, 2019). */
export interface AdamWSpec extends AdamSettings {
  readonly kind: "adamW";
  /** Share of every parameter that a step of size 1 takes away, 0 or more. @default 0.01 */
  readonly weightDecay?: number;
}

/** Adam with the defaults of `torch.optim.Adam`: learning rate 1e-3, no weight decay. */
export function adam(options: Partial<AdamSettings> = {}): AdamSpec {
  return { kind: "adam", ...withDefaults("adam", { weightDecay: 0, ...options }) };
}

/** AdamW with the defaults of `torch.optim.AdamW`: learning rate 1e-3, weight decay 0.01. */
export function adamW(options: Partial<AdamSettings> = {}): AdamWSpec {
  return { kind: "adamW", ...withDefaults("adamW", { weightDecay: 0.01, ...options }) };
}

function withDefaults(maker: string, options: Partial<AdamSettings>): AdamSettings {
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999 } = options;
  const { epsilon = 1e-8, amsgrad = false } = options;
  const settings = { ...options, learningRate, beta1, beta2, epsilon, amsgrad };
  checkSettings(maker, settings);
  checkPositive(maker, { epsilon });
  checkShare(maker, { beta1, beta2 });
  return settings;
}

/** The optimizer of an {@link AdamSpec}, as `torch.optim.Adam` computes it. */
export function adamOptimizer(spec: AdamSpec): Optimizer {
  return optimizer(spec, { added: spec.weightDecay ?? 0, decoupled: 0 });
}

/** The optimizer of an {@link AdamWSpec}, as `torch.optim.AdamW` computes it. */
export function adamWOptimizer(spec: AdamWSpec): Optimizer {
  return optimizer(spec, { added: 0, decoupled: spec.weightDecay ?? 0.01 });
}

/** Weight decay λ: added to the gradient, or taken from the parameter beside it. */
interface Decay {
  readonly added: number;
  readonly decoupled: number;
}

function optimizer(spec: AdamSpec | AdamWSpec, { added, decoupled }: Decay): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, amsgrad = false } = spec;
  const slots = ["firstMoment", "secondMoment", ...(amsgrad ? ["secondMomentMax"] : [])];
  const decay = { beta1, beta2 };
  return {
    kind: spec.kind,
    slots,
    clipNorm: spec.clipNorm ?? null,
    // v̂ = v / (1 − β₂ᵗ), with AMSGrad the largest v
    secondMoment: {
      slot: amsgrad ? 2 : 1,
      scaleAt: (step) => 1 / (1 - beta2 ** step),
      epsilon,
    },
    init: (parameterCount, allocate) => emptyState(slots.length, parameterCount, allocate),
    update(state, gradients, parameters) {
      const learningRate = learningRateAt(spec.learningRate, state.step);
      const step = ++state.step;
      const [first, second, secondMax] = state.slots;
      assert(first !== undefined && second !== undefined, "Adam needs its two moments");
      assert(!amsgrad || secondMax !== undefined, "AMSGrad needs the largest second moment");
      const scale = {
        stepSize: learningRate / (1 - beta1 ** step),
        correction: Math.sqrt(1 - beta2 ** step),
        epsilon,
        kept: 1 - learningRate * decoupled,
      };
      inBlocks(parameters.length, (from, to) => {
        if (added === 0) moments(gradients, first, second, decay, from, to);
        else momentsWithDecay(gradients, parameters, added, first, second, decay, from, to);
        if (secondMax !== undefined) raise(secondMax, second, from, to);
        descend(parameters, first, secondMax ?? second, scale, from, to);
      });
    },
  };
}

/** β₁ and β₂. */
interface Betas {
  readonly beta1: number;
  readonly beta2: number;
}

// m ← m + (1 − β₁)(g − m) ;  v ← β₂ v + (1 − β₂) g²
function moments(
  gradients: Float32Array,
  first: Float32Array,
  second: Float32Array,
  { beta1, beta2 }: Betas,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const g = gradients[i] ?? 0;
    const before = first[i] ?? 0;
    const m = before + (1 - beta1) * (g - before);
    const v = beta2 * (second[i] ?? 0) + (1 - beta2) * g * g;
    first[i] = Math.abs(m) < SMALLEST_NORMAL ? 0 : m;
    second[i] = v < SMALLEST_NORMAL ? 0 : v;
  }
}

// The same with g ← g + λ · p. A loop of its own, so that the one above reads no parameters.
function momentsWithDecay(
  gradients: Float32Array,
  parameters: Float32Array,
  weightDecay: number,
  first: Float32Array,
  second: Float32Array,
  { beta1, beta2 }: Betas,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const g = (gradients[i] ?? 0) + weightDecay * (parameters[i] ?? 0);
    const before = first[i] ?? 0;
    const m = before + (1 - beta1) * (g - before);
    const v = beta2 * (second[i] ?? 0) + (1 - beta2) * g * g;
    first[i] = Math.abs(m) < SMALLEST_NORMAL ? 0 : m;
    second[i] = v < SMALLEST_NORMAL ? 0 : v;
  }
}

// v̂ ← max(v̂, v)
function raise(secondMax: Float32Array, second: Float32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const v = second[i] ?? 0;
    if (v > (secondMax[i] ?? 0)) secondMax[i] = v;
  }
}

/** The numbers of one step. */
interface Scale {
  readonly stepSize: number;
  readonly correction: number;
  readonly epsilon: number;
  /** 1 − lr · λ for decoupled weight decay, otherwise 1. */
  readonly kept: number;
}

// p ← (1 − lr · λ) · p − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
function descend(
  parameters: Float32Array,
  first: Float32Array,
  second: Float32Array,
  { stepSize, correction, epsilon, kept }: Scale,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const denominator = Math.sqrt(second[i] ?? 0) / correction + epsilon;
    parameters[i] = kept * (parameters[i] ?? 0) - (stepSize * (first[i] ?? 0)) / denominator;
  }
}
