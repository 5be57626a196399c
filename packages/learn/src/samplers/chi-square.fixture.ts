/**
 * The 99.99 % quantile of the chi-square distribution (Wilson, Hilferty, 1931; within 1 % from 3
 * degrees of freedom on).
 */
export function chiSquareLimit(freedom: number): number {
  const z = 3.719;
  return freedom * (1 - 2 / (9 * freedom) + z * Math.sqrt(2 / (9 * freedom))) ** 3;
}

/** Σ (observed − expected)² / expected. Every expected number must be above 5 for the law to hold. */
export function chiSquare(observed: readonly number[], expected: readonly number[]): number {
  return observed.reduce((sum, count, i) => {
    const mean = expected[i] ?? NaN;
    if (!(mean > 5)) throw new Error(`expected ${mean} at ${i} is too few`);
    return sum + (count - mean) ** 2 / mean;
  }, 0);
}

/** How often each of the numbers 0 to `size` − 1 comes in `values`. */
export function histogram(values: Iterable<number>, size: number): number[] {
  const counts = new Array<number>(size).fill(0);
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/**
 * Probability of every ordered draw of `count` of the weights, one after another, each in proportion
 * to its weight among those left: the law of successive sampling, by enumeration.
 */
export function successiveLaw(
  weights: readonly number[],
  count: number,
): ReadonlyMap<string, number> {
  const law = new Map<string, number>();
  const extend = (drawn: readonly number[], probability: number): void => {
    if (drawn.length === count) {
      law.set(drawn.join(), probability);
      return;
    }
    const left = weights.reduce((sum, w, i) => (drawn.includes(i) ? sum : sum + w), 0);
    weights.forEach((weight, i) => {
      if (!drawn.includes(i)) extend([...drawn, i], (probability * weight) / left);
    });
  };
  extend([], 1);
  return law;
}
