/**
 * Probabilities from logits, in a way that cannot overflow:
 *
 *   p_i = exp(z_i − max z) / Σ_j exp(z_j − max z)
 *
 * Computed in double precision, so that the result sums to 1 within rounding of the last digit.
 */
export function softmax(logits: Float32Array): Float32Array {
  const max = logits.reduce((largest, logit) => Math.max(largest, logit), -Infinity);
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - max));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return Float32Array.from(weights, (weight) => weight / sum);
}

/** Index of the largest value, the first one of equals. */
export function indexOfMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  }
  return best;
}
