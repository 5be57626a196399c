import { assert } from "@everfresh/core";
import { inBlocks } from "./blocks.ts";
import { emptyState, type Optimizer, SMALLEST_NORMAL } from "./optimizer.ts";

/** Adam: steps scaled by running moments of the gradient (Kingma and Ba, 2015). */
export interface AdamSpec {
  readonly kind: "adam";
  /** Step size, above 0. @default 1e-3 */
  readonly learningRate: number;
  /** Decay of the mean of the gradient, from 0 to below 1. @default 0.9 */
  readonly beta1?: number;
  /** Decay of the mean of its square, from 0 to below 1. @default 0.999 */
  readonly beta2?: number;
  /** Added to the denominator, above 0. @default 1e-8 */
  readonly epsilon?: number;
  /** Divide by the largest second moment so far (Reddi et al., 2018). @default false */
  readonly amsgrad?: boolean;
}

/** Adam with the defaults of `torch.optim.Adam`. */
export function adam(options: Partial<Omit<AdamSpec, "kind">> = {}): AdamSpec {
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999 } = options;
  const { epsilon = 1e-8, amsgrad = false } = options;
  for (const [name, value] of Object.entries({ learningRate, epsilon })) {
    if (!(value > 0 && Number.isFinite(value))) {
      throw new RangeError(`adam() needs a ${name} above 0, got ${value}`);
    }
  }
  for (const [name, value] of Object.entries({ beta1, beta2 })) {
    if (!(value >= 0 && value < 1)) {
      throw new RangeError(`adam() needs a ${name} from 0 to below 1, got ${value}`);
    }
  }
  return { kind: "adam", learningRate, beta1, beta2, epsilon, amsgrad };
}

/** The optimizer of an {@link AdamSpec}, as `torch.optim.Adam` computes it. */
export function adamOptimizer(spec: AdamSpec): Optimizer {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, amsgrad = false } = spec;
  const slots = ["firstMoment", "secondMoment", ...(amsgrad ? ["secondMomentMax"] : [])];
  return {
    kind: "adam",
    slots,
    init: (parameterCount, allocate) => emptyState(slots.length, parameterCount, allocate),
    update(state, gradients, parameters) {
      const step = ++state.step;
      const [first, second, secondMax] = state.slots;
      assert(first !== undefined && second !== undefined, "Adam needs its two moments");
      assert(!amsgrad || secondMax !== undefined, "AMSGrad needs the largest second moment");
      const decay = { beta1, beta2 };
      const scale = {
        stepSize: learningRate / (1 - beta1 ** step),
        correction: Math.sqrt(1 - beta2 ** step),
        epsilon,
      };
      inBlocks(parameters.length, (from, to) => {
        moments(gradients, first, second, decay, from, to);
        if (secondMax !== undefined) raise(secondMax, second, from, to);
        descend(parameters, first, secondMax ?? second, scale, from, to);
      });
    },
  };
}

// m ← m + (1 − β₁)(g − m) ;  v ← β₂ v + (1 − β₂) g²
function moments(
  gradients: Float32Array,
  first: Float32Array,
  second: Float32Array,
  { beta1, beta2 }: { readonly beta1: number; readonly beta2: number },
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

// v̂ ← max(v̂, v)
function raise(secondMax: Float32Array, second: Float32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const v = second[i] ?? 0;
    if (v > (secondMax[i] ?? 0)) secondMax[i] = v;
  }
}

// p ← p − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
function descend(
  parameters: Float32Array,
  first: Float32Array,
  second: Float32Array,
  scale: { readonly stepSize: number; readonly correction: number; readonly epsilon: number },
  from: number,
  to: number,
): void {
  const { stepSize, correction, epsilon } = scale;
  for (let i = from; i < to; i++) {
    const denominator = Math.sqrt(second[i] ?? 0) / correction + epsilon;
    parameters[i] = (parameters[i] ?? 0) - (stepSize * (first[i] ?? 0)) / denominator;
  }
}
