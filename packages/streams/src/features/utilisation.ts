/**
 * Expected share of sampled features that are cached when the newest `m` of a growing history are,
 * over the time that it grows to `N`; Derakhshan et al., "Continuous deployment of machine learning
 * pipelines" (EDBT 2019), section 3.2.
 */

/** Of a history that is sampled uniformly: μ ≈ m (1 + ln N − ln m) / N, and 1 where m ≥ N. */
export function uniformUtilisation(cached: number, samples: number): number {
  if (cached >= samples) return 1;
  if (cached <= 0) return 0;
  return (cached * (1 + Math.log(samples) - Math.log(cached))) / samples;
}

/**
 * Of a history whose newest `w` are sampled: μ ≈ m (1 + ln w − ln m + (N − w) / w) / N, and 1 where
 * m ≥ w.
 */
export function windowUtilisation(cached: number, samples: number, window: number): number {
  const width = Math.min(window, samples);
  if (cached >= width) return 1;
  if (cached <= 0) return 0;
  const full = (samples - width) / width;
  return (cached * (1 + Math.log(width) - Math.log(cached) + full)) / samples;
}
