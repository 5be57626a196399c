/** A distribution of lags. */
export interface LagSummary {
  readonly count: number;
  readonly mean: number;
  readonly max: number;
  /** Median and other quantiles; up to 19 % above the exact ones. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** What a distribution of lags remembers, as plain data. */
export interface LagCounts {
  count: number;
  sum: number;
  max: number;
  /** Lags per bucket; those after the last are 0. */
  buckets: number[];
}

/** Per factor of 2: so a bucket ends 19 % above its beginning. */
const BUCKETS_PER_OCTAVE = 4;
/** Up to 2⁴⁰: 35 years in milliseconds. */
const BUCKETS_MAX = 40 * BUCKETS_PER_OCTAVE + 2;

/** A distribution without lags. */
export function noLags(): LagCounts {
  return { count: 0, sum: 0, max: 0, buckets: [] };
}

/** Adds a lag of 0 or more. Bucket 0 is for lags below 1, bucket 1 for those from 1 on. */
export function addLag(counts: LagCounts, lag: number): void {
  const octaves = lag < 1 ? -1 : Math.floor(BUCKETS_PER_OCTAVE * Math.log2(lag));
  const bucket = Math.min(BUCKETS_MAX - 1, octaves < 0 ? 0 : octaves + 1);
  while (counts.buckets.length <= bucket) counts.buckets.push(0);
  counts.buckets[bucket] = (counts.buckets[bucket] ?? 0) + 1;
  counts.count++;
  counts.sum += lag;
  counts.max = Math.max(counts.max, lag);
}

/** The summary of a distribution; all 0 without lags. */
export function lagSummary(counts: LagCounts): LagSummary {
  const { count, sum, max } = counts;
  return {
    count,
    mean: count === 0 ? 0 : sum / count,
    max,
    p50: quantile(counts, 0.5),
    p90: quantile(counts, 0.9),
    p99: quantile(counts, 0.99),
  };
}

/** The end of the bucket in which the lag is that this part of all do not exceed. */
function quantile({ count, max, buckets }: LagCounts, part: number): number {
  let left = Math.ceil(part * count);
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    left -= buckets[bucket] ?? 0;
    if (left <= 0 && count > 0)
      return Math.min(max, bucket === 0 ? 0 : 2 ** (bucket / BUCKETS_PER_OCTAVE));
  }
  return max;
}
