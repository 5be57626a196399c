import type { Rows } from "./rows.ts";

/** Pairs of rows that the median of distances is taken of. */
const DISTANCES = 500;

/**
 * The maximum mean discrepancy of two samples, estimated without bias in linear time (Gretton et al.,
 * JMLR 2012, lemma 14); below 0 only by chance:
 *
 *   2 / n Σ k(x, x') + k(y, y') − k(x, y') − k(x', y),   k(a, b) = exp(−‖a − b‖² / 2 σ²)
 *
 * over pairs x, x' and y, y' of neighbours. Of the longer sample the newest rows are used.
 * @param bandwidth σ, above 0
 */
export function linearMmd(first: Rows, second: Rows, bandwidth: number): number {
  const pairs = Math.floor(Math.min(first.count, second.count) / 2);
  const [a, b] = [first.count - 2 * pairs, second.count - 2 * pairs];
  const kernel = (left: Rows, i: number, right: Rows, j: number): number =>
    Math.exp(-squaredDistance(left, i, right, j) / (2 * bandwidth * bandwidth));
  let sum = 0;
  for (let i = 0; i < pairs; i++) {
    const [x, y] = [a + 2 * i, b + 2 * i];
    sum += kernel(first, x, first, x + 1) + kernel(second, y, second, y + 1);
    sum -= kernel(first, x, second, y + 1) + kernel(first, x + 1, second, y);
  }
  return pairs === 0 ? 0 : sum / pairs;
}

/** The median distance of rows that are half of them apart: a bandwidth that suits them; or 1. */
export function medianBandwidth(rows: Rows): number {
  const half = Math.floor(rows.count / 2);
  const squares = Array.from({ length: Math.min(DISTANCES, half) }, (_, i) =>
    squaredDistance(rows, i, rows, i + half),
  ).sort((left, right) => left - right);
  const median = Math.sqrt(squares[squares.length >> 1] ?? 0);
  return median > 0 ? median : 1;
}

function squaredDistance(first: Rows, i: number, second: Rows, j: number): number {
  const { features } = first;
  let sum = 0;
  for (let feature = 0; feature < features; feature++) {
    const a = first.data[i * features + feature] ?? 0;
    const b = second.data[j * features + feature] ?? 0;
    sum += (a - b) ** 2;
  }
  return sum;
}
