/**
 * Isotonic regression by pooling adjacent violators (Ayer et al., 1955): the values that never fall and
 * are nearest to the given ones, by weighted squares. Weights are above 0.
 */
export function isotonicRegression(
  values: ArrayLike<number>,
  weights: ArrayLike<number>,
): Float64Array {
  // Pools: mean, weight and length, the newest last.
  const [means, sums, lengths]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < values.length; i++) {
    let [mean, sum, length] = [values[i] ?? NaN, weights[i] ?? NaN, 1];
    while ((means.at(-1) ?? -Infinity) > mean) {
      const [before = NaN, weight = NaN, more = 0] = [means.pop(), sums.pop(), lengths.pop()];
      mean = (mean * sum + before * weight) / (sum + weight);
      sum += weight;
      length += more;
    }
    means.push(mean);
    sums.push(sum);
    lengths.push(length);
  }
  const result = new Float64Array(values.length);
  let at = 0;
  means.forEach((mean, pool) => {
    const end = at + (lengths[pool] ?? 0);
    result.fill(mean, at, end);
    at = end;
  });
  return result;
}
