import type { Signal } from "../signal.ts";

/** A signal of rows that knows which features have moved. */
export interface RowSignal extends Signal<ArrayLike<number>> {
  /**
   * The statistic of each feature at the last comparison; one number for whole rows where it has no
   * parts; empty before.
   */
  parts(): readonly number[];
  /**
   * Starts anew with a reference, for example one that the present model has scored again.
   * @throws LearnOptionError when it has not `referenceSamples` rows of `features` numbers
   */
  pin(reference: readonly ArrayLike<number>[]): void;
  /**
   * Rows between two chances on a stable stream to be as far away as at the last comparison, also
   * beyond what the resamples have seen; null before the first comparison.
   */
  evidence(): number | null;
  /** The statistic whose {@link evidence} is so many rows; null before the first comparison. */
  valueAt(evidence: number): number | null;
  /** How many rows ago the recent ones began to differ; null where the statistic does not tell. */
  changeAgo(): number | null;
  /**
   * The change that it saw was none: rows are alike for longer than it knew. From now on, also after a
   * reset, it draws blocks as long as its samples allow, and lets its reference grow to four times its length;
   * from the second and third time on it begins with twice and four times as many rows.
   */
  mistaken(): void;
}
