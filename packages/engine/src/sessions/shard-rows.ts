/** How the rows of a batch are split over workers. */

/** Rows of a batch: from the first to before the last; empty where both are equal. */
export type Rows = readonly [from: number, to: number];

/** Statistics of fewer samples than this are too noisy to normalise by (as for PyTorch's users). */
export const STATISTICS_ROWS_MIN = 16;

/** Parts of `shardSize` rows, of which the last that has any may have fewer: it is padded. */
export function paddedRows(size: number, workers: number, shardSize: number): readonly Rows[] {
  return Array.from({ length: workers }, (_, rank) => {
    const from = Math.min(rank * shardSize, size);
    return [from, Math.min(from + shardSize, size)];
  });
}

/**
 * Parts that differ by one row at most, for models whose rows share statistics: on fewer workers where
 * parts would have less than {@link STATISTICS_ROWS_MIN} rows.
 */
export function evenRows(size: number, workers: number): readonly Rows[] {
  const parts = Math.max(1, Math.min(workers, Math.floor(size / STATISTICS_ROWS_MIN)));
  const cut = (part: number): number => Math.floor((size * Math.min(part, parts)) / parts);
  return Array.from({ length: workers }, (_, rank) => [cut(rank), cut(rank + 1)]);
}
