/** What an empty bin counts as, as a part of all, in Evidently and here. */
const PSI_PART_MIN = 1e-4;

/**
 * How different two histograms of the same bins are, 0 to 1:
 *
 *   H = √(½ Σ (√p − √q)²)
 *
 * with p and q the parts of all; 0 where either has no values.
 */
export function hellingerDistance(first: ArrayLike<number>, second: ArrayLike<number>): number {
  const [n, m] = [sumOf(first), sumOf(second)];
  if (n === 0 || m === 0) return 0;
  let sum = 0;
  for (let i = 0; i < first.length; i++) {
    sum += (Math.sqrt((first[i] ?? 0) / n) - Math.sqrt((second[i] ?? 0) / m)) ** 2;
  }
  return Math.sqrt(sum / 2);
}

/**
 * The population stability index of two histograms of the same bins, 0 or more:
 *
 *   PSI = Σ (q − p) ln(q / p)
 *
 * with p and q the parts of all, at least 0.0001; 0 where either has no values. A bin that both lack
 * does not count.
 */
export function populationStability(first: ArrayLike<number>, second: ArrayLike<number>): number {
  const [n, m] = [sumOf(first), sumOf(second)];
  if (n === 0 || m === 0) return 0;
  let sum = 0;
  for (let i = 0; i < first.length; i++) {
    const p = Math.max(PSI_PART_MIN, (first[i] ?? 0) / n);
    const q = Math.max(PSI_PART_MIN, (second[i] ?? 0) / m);
    sum += (q - p) * Math.log(q / p);
  }
  return sum;
}

function sumOf(counts: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts[i] ?? 0;
  return sum;
}
