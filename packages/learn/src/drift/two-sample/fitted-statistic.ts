import type { Rows } from "./rows.ts";

/** A statistic with what it takes from the reference: bins, scales, a bandwidth. */
export interface FittedStatistic {
  /**
   * How far the second sample is from the first, more being farther: for each feature, or one number
   * for whole rows.
   */
  values(first: Rows, second: Rows): Float64Array;
  /** The same of rows of the reference, by their positions. */
  resampled(first: Uint32Array, second: Uint32Array): Float64Array;
  /** How many of the rows, the newest, differ from the reference, by the parts; absent if unknown. */
  readonly changeAgo?: (recent: Rows, parts: readonly number[]) => number;
  /**
   * Less than this is no drift, however seldom it is: where the reference is constant, nothing that
   * differs is ever drawn from it, and a single odd value would be an alarm.
   */
  readonly valueMin: number;
  /** For the newest rows against the reference, where that is cheaper row by row. */
  readonly sliding?: SlidingComparison;
}

/** The newest rows, as many as there is room for, against the reference. */
export interface SlidingComparison {
  /** A row has come; once they are full, the oldest one goes. */
  add(row: ArrayLike<number>): void;
  /** What {@link FittedStatistic.values} gives for the reference and these rows. */
  values(): Float64Array;
}
