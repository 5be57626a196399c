/**
 * How large a gradient is for what gradients usually are: its norm under the inverse of the Fisher
 * information (Amari, 1998), of which only the diagonal is kept, as the mean square of each element:
 *
 *   ‖g‖ = √(gᵀ F⁻¹ g),   F = diag(v̂ + ε²)
 *
 * v̂ already has the square of this gradient in it, so ‖g‖² is at most 1 / (1 − β) per parameter, in
 * the first step 1. On a stable stream it is about 1, whatever the loss: as that falls, v̂ follows.
 */
import { inBlocks } from "./blocks.ts";
import { type Optimizer, type SecondMoment, SMALLEST_NORMAL } from "./optimizer.ts";

/** Decay of the mean of squares that is kept for optimizers that keep none. */
const DECAY = 0.999;
/** ε for them, as Adam's. */
const EPSILON = 1e-8;

/** An optimizer that knows how large the gradient usually is. */
export type MeasuringOptimizer = Optimizer & { readonly secondMoment: SecondMoment };

/**
 * The optimizer itself where it keeps a second moment; otherwise with a vector more, which does not
 * change how parameters move:
 *
 *   s ← β s + (1 − β) g²
 */
export function measuringOptimizer(optimizer: Optimizer): MeasuringOptimizer {
  const { secondMoment, slots } = optimizer;
  if (secondMoment !== null) return { ...optimizer, secondMoment };
  const slot = slots.length;
  const own = [...slots, "squareMean"];
  return {
    ...optimizer,
    slots: own,
    secondMoment: { slot, scaleAt: (step) => 1 / (1 - DECAY ** step), epsilon: EPSILON },
    init: (parameterCount, allocate) => {
      const state = optimizer.init(parameterCount, allocate);
      const squares = allocate?.(parameterCount) ?? new Float32Array(parameterCount);
      return { step: state.step, slots: [...state.slots, squares] };
    },
    update(state, gradients, parameters) {
      const inner = { step: state.step, slots: state.slots.slice(0, slot) };
      optimizer.update(inner, gradients, parameters);
      state.step = inner.step;
      const squares = state.slots[slot] ?? new Float32Array(0);
      inBlocks(gradients.length, (from, to) => follow(squares, gradients, from, to));
    },
  };
}

function follow(squares: Float32Array, gradients: Float32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const g = gradients[i] ?? 0;
    const s = DECAY * (squares[i] ?? 0) + (1 - DECAY) * g * g;
    squares[i] = s < SMALLEST_NORMAL ? 0 : s;
  }
}

/** The numbers of {@link naturalSquares}. */
export interface NaturalNumbers {
  /** From the vector of second moments to v̂. */
  readonly scale: number;
  /** ε² */
  readonly damping: number;
}

/** Of an optimizer's second moment after so many steps. */
export function naturalNumbers({ scaleAt, epsilon }: SecondMoment, step: number): NaturalNumbers {
  return { scale: scaleAt(step), damping: epsilon * epsilon };
}

/** Σ g² / (scale · v + damping), in float64, in an order that depends on nothing but the length. */
export function naturalSquares(
  gradients: Float32Array,
  second: Float32Array,
  numbers: NaturalNumbers,
): number {
  let total = 0;
  inBlocks(gradients.length, (from, to) => {
    const whole = to - ((to - from) % 4);
    // Kernels leave the last ones to this loop, too.
    total += pairs(gradients, second, numbers, from, whole);
    total += pairs(gradients, second, numbers, whole, to);
  });
  return total;
}

// Two sums, as vectors of two numbers add up.
function pairs(
  gradients: Float32Array,
  second: Float32Array,
  { scale, damping }: NaturalNumbers,
  from: number,
  to: number,
): number {
  let even = 0;
  let odd = 0;
  for (let i = from; i < to; i += 2) {
    const a = gradients[i] ?? 0;
    even += (a * a) / (scale * (second[i] ?? 0) + damping);
    if (i + 1 === to) break;
    const b = gradients[i + 1] ?? 0;
    odd += (b * b) / (scale * (second[i + 1] ?? 0) + damping);
  }
  return even + odd;
}
