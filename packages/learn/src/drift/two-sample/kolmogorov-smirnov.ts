/** Two sorted samples whose product of sizes is above this are compared by the limit for large ones. */
const EXACT_PRODUCT_MAX = 40_000;
/** Terms of the limit that are summed; the next one is below 10⁻¹⁶ wherever the sum is not 1. */
const TERMS = 100;

/**
 * The largest difference between the distributions of two samples:
 *
 *   D = max |F₁(x) − F₂(x)|
 *
 * @param first sorted, not empty
 * @param second sorted, not empty
 */
export function ksDistance(first: Float64Array, second: Float64Array): number {
  return ksSteps(first, second) / (first.length * second.length);
}

/**
 * The least D · n · m, a whole number, of two samples of n and m values that by {@link ksPValue} is
 * significant at `alpha`; n · m + 1 where none is.
 */
export function ksCriticalSteps(n: number, m: number, alpha: number): number {
  let [low, high] = [0, n * m + 1];
  while (high - low > 1) {
    const steps = Math.floor((low + high) / 2);
    if (pValueOfSteps(n, m, steps) <= alpha) high = steps;
    else low = steps;
  }
  return high;
}

/**
 * How likely two samples of one continuous distribution are at least as far apart: exactly where the
 * product of their sizes is at most 40,000, otherwise by Kolmogorov's limit,
 * 2 Σ (−1)ᵏ⁻¹ exp(−2 k² λ²) with λ = D √(n m / (n + m)).
 * @param first sorted, not empty
 * @param second sorted, not empty
 */
export function ksPValue(first: Float64Array, second: Float64Array): number {
  return pValueOfSteps(first.length, second.length, ksSteps(first, second));
}

function pValueOfSteps(n: number, m: number, steps: number): number {
  if (n * m <= EXACT_PRODUCT_MAX) return pathsOutside(n, m, steps);
  return kolmogorovTail((steps / (n * m)) * Math.sqrt((n * m) / (n + m)));
}

/** P(K > λ) of Kolmogorov's distribution. */
export function kolmogorovTail(lambda: number): number {
  if (lambda < 0.2) return 1; // 1 − 10⁻¹²
  let tail = 0;
  for (let k = 1; k <= TERMS; k++) {
    const term = Math.exp(-2 * k * k * lambda * lambda);
    tail += k % 2 === 1 ? term : -term;
    if (term < 1e-18) break;
  }
  return Math.min(1, Math.max(0, 2 * tail));
}

/** D · n · m, a whole number, so that equal distances are equal. */
export function ksSteps(first: Float64Array, second: Float64Array): number {
  const [n, m] = [first.length, second.length];
  let [i, j, most] = [0, 0, 0];
  while (i < n && j < m) {
    const value = Math.min(first[i] ?? 0, second[j] ?? 0);
    while (i < n && first[i] === value) i++;
    while (j < m && second[j] === value) j++;
    most = Math.max(most, Math.abs(i * m - j * n));
  }
  return most;
}

/**
 * The part of all ways from (0, 0) to (n, m), each step one to the right or up, that at some point
 * (i, j) have |i m − j n| ≥ steps: P(D ≥ steps / n m) (Hodges, Arkiv för Matematik 1957).
 */
function pathsOutside(n: number, m: number, steps: number): number {
  if (steps === 0) return 1;
  // outside[j]: how likely a random way to (i, j) has been outside. It comes from the left with
  // probability i / (i + j), as all ways to (i, j) are equally likely.
  const outside = new Float64Array(m + 1);
  for (let i = 0; i <= n; i++) {
    for (let j = 0; j <= m; j++) {
      if (Math.abs(i * m - j * n) >= steps) outside[j] = 1;
      else if (i + j === 0) outside[j] = 0;
      else {
        const left = i > 0 ? (outside[j] ?? 0) : 0;
        const below = j > 0 ? (outside[j - 1] ?? 0) : 0;
        outside[j] = (i * left + j * below) / (i + j);
      }
    }
  }
  return outside[m] ?? 0;
}
