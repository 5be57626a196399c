/**
 * What scores are computed from: sums over samples. A sample is a row of numbers; the sums of some
 * samples decide their scores, so one kind of statistics serves every horizon: all samples, the newest
 * ones, or all with weights that fade.
 */
export interface Statistics<Scores> {
  /** Numbers per sample; the first one is its weight. */
  readonly rowLength: number;
  /** How many sums there are. */
  readonly size: number;
  /** Adds what a sample contributes, before its weight is applied. */
  add(row: Float64Array, sink: Sink): void;
  /**
   * @param sums weighted, of `size`
   * @param rows the samples themselves, where they are kept: what needs their order is then exact
   */
  scores(sums: Float64Array, rows: readonly Float64Array[] | null): Scores;
}

/** Takes contributions to sums. */
export interface Sink {
  add(index: number, value: number): void;
}
