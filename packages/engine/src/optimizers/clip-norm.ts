/**
 * Gradient clipping by the norm over all parameters (Pascanu et al., 2013). The parts of a vector give
 * their sums of squares, whoever holds all of them knows the factor, and it scales every part.
 */
import { inBlocks } from "./blocks.ts";

// As in torch: keeps the factor finite when the gradient is 0.
const NORM_OFFSET = 1e-6;

/** Σ g², added up in float64 in an order that depends on nothing but the length. */
export function sumOfSquares(gradients: Float32Array): number {
  let total = 0;
  inBlocks(gradients.length, (from, to) => {
    total += squares(gradients, from, to);
  });
  return total;
}

/** min(1, clipNorm / (norm + 1e-6)): what a gradient of this norm is multiplied by. */
export function clipFactor(clipNorm: number, norm: number): number {
  return Math.min(1, clipNorm / (norm + NORM_OFFSET));
}

/** g ← factor · g */
export function scaleGradients(gradients: Float32Array, factor: number): void {
  if (factor === 1) return;
  inBlocks(gradients.length, (from, to) => scaleBlock(gradients, factor, from, to));
}

// Two sums at once: each addition waits for the one before it.
function squares(gradients: Float32Array, from: number, to: number): number {
  let even = 0;
  let odd = 0;
  for (let i = from; i < to; i += 2) {
    const a = gradients[i] ?? 0;
    const b = i + 1 < to ? (gradients[i + 1] ?? 0) : 0;
    even += a * a;
    odd += b * b;
  }
  return even + odd;
}

function scaleBlock(gradients: Float32Array, factor: number, from: number, to: number): void {
  for (let i = from; i < to; i++) gradients[i] = (gradients[i] ?? 0) * factor;
}
