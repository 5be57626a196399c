/** What the batches of proactive training are made of, written down once more, plainly. */

/** A history of `past` samples that grows to `size` by `triggerSize` samples per batch. */
export interface OracleOptions {
  readonly size: number;
  readonly past: number;
  readonly triggerSize: number;
  readonly batchSize: number;
  /** Only so many of the newest past samples; 0 for all of them. */
  readonly window: number;
  readonly alwaysIncludeNew: boolean;
}

/** Picks `count` distinct numbers from `low` up to but without `high`. */
export type Choose = (count: number, low: number, high: number) => readonly number[];

/**
 * The batches of `BatchRandomDynamicSampler` of Prapas et al. (2021), as its code says: the chunk of t
 * new samples is always in the batch, and b − t others are drawn from before it, in a window that is
 * as wide as the batch at least; or all b are drawn from everything, the chunk included. The last chunk
 * may be smaller, the number of old samples is not.
 */
export function* oracleBatches(
  options: OracleOptions,
  choose: Choose,
): Generator<readonly number[], void, void> {
  const { size, past, triggerSize, batchSize, alwaysIncludeNew } = options;
  const window = options.window > 0 ? Math.max(options.window, batchSize) : 0;
  let end = past;
  while (end < size) {
    const start = end;
    end = Math.min(start + triggerSize, size);
    if (alwaysIncludeNew) {
      const fresh: number[] = [];
      for (let position = start; position < end; position++) fresh.push(position);
      const low = window > 0 && start > window ? start - window : 0;
      yield [...fresh, ...choose(batchSize - triggerSize, low, start)];
    } else {
      yield choose(batchSize, 0, end);
    }
  }
}
