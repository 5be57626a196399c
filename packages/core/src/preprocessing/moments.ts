/** Count, mean and population variance of the numbers of every channel. */
export interface Moments {
  readonly count: Float64Array;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Unit roundoff times two of float64: 2⁻⁵². */
const EPSILON = Number.EPSILON;

/** The moments of no numbers. */
function noMoments(channels: number): Moments {
  return {
    count: new Float64Array(channels),
    mean: new Float64Array(channels),
    variance: new Float64Array(channels),
  };
}

/**
 * The moments of a batch in two passes; NaN counts as missing.
 * @param channels the channel of each number of a sample
 */
export function momentsOf(
  batch: readonly Float64Array[],
  channels: Uint32Array,
  channelTotal: number,
): Moments {
  const moments = noMoments(channelTotal);
  const { count, mean, variance } = moments;
  eachNumber(batch, channels, (value, channel) => {
    count[channel] = (count[channel] ?? 0) + 1;
    mean[channel] = (mean[channel] ?? 0) + value;
  });
  for (let c = 0; c < channelTotal; c++) mean[c] = (mean[c] ?? 0) / Math.max(1, count[c] ?? 0);
  // Σ(x − m)² − (Σ(x − m))² / n: the second term is what rounding of m has left (Chan, Golub, LeVeque,
  // "Algorithms for computing the sample variance", 1983).
  const rest = new Float64Array(channelTotal);
  eachNumber(batch, channels, (value, channel) => {
    const deviation = value - (mean[channel] ?? 0);
    variance[channel] = (variance[channel] ?? 0) + deviation * deviation;
    rest[channel] = (rest[channel] ?? 0) + deviation;
  });
  for (let c = 0; c < channelTotal; c++) {
    const n = Math.max(1, count[c] ?? 0);
    const left = rest[c] ?? 0;
    variance[c] = Math.max(0, ((variance[c] ?? 0) - (left * left) / n) / n);
    mean[c] = (mean[c] ?? 0) + left / n;
  }
  return moments;
}

/**
 * The moments of two sets of numbers together:
 * m = mₐ + δ n_b / n, v = (nₐ vₐ + n_b v_b) / n + δ² nₐ n_b / n², with δ = m_b − mₐ
 * (Chan, Golub, LeVeque 1983).
 * @param memory what the first set counts at most: older numbers fade once there are more
 */
export function mergeMoments(a: Moments, b: Moments, memory: number = Infinity): Moments {
  const merged = noMoments(a.count.length);
  for (let c = 0; c < a.count.length; c++) {
    const nA = Math.min(a.count[c] ?? 0, memory);
    const nB = b.count[c] ?? 0;
    const n = nA + nB;
    const [meanA, varianceA] = [a.mean[c] ?? 0, a.variance[c] ?? 0];
    merged.count[c] = n;
    if (nB === 0) {
      merged.mean[c] = meanA;
      merged.variance[c] = varianceA;
      continue;
    }
    const delta = (b.mean[c] ?? 0) - meanA;
    const weight = nB / n;
    merged.mean[c] = meanA + delta * weight;
    merged.variance[c] =
      varianceA * (nA / n) + (b.variance[c] ?? 0) * weight + delta * delta * (nA / n) * weight;
  }
  return merged;
}

/**
 * The standard deviation of every channel; 1 where all numbers are equal but for rounding, by
 * scikit-learn's bound v ≤ n ε v + (n m ε)², and where there are none.
 */
export function deviationsOf({ count, mean, variance }: Moments): Float64Array {
  return variance.map((v, c) => {
    const n = count[c] ?? 0;
    const noise = n * (mean[c] ?? 0) * EPSILON;
    return v <= n * EPSILON * v + noise * noise ? 1 : Math.sqrt(v);
  });
}

function eachNumber(
  batch: readonly Float64Array[],
  channels: Uint32Array,
  take: (value: number, channel: number) => void,
): void {
  for (const values of batch) {
    for (let i = 0; i < channels.length; i++) {
      const value = values[i] ?? NaN;
      if (value === value) take(value, channels[i] ?? 0);
    }
  }
}
