import { FeatureBins } from "./feature-bins.ts";
import { type Rows, sortedColumn } from "./rows.ts";

/** Added to the count of every bin (Krichevsky and Trofimov), so that nothing is impossible. */
const PRIOR = 0.5;

/**
 * How likely rows are where features are independent: the product of a histogram per feature, which
 * is the simplest sum-product network there is, one product of leaves. It sees every feature move, but
 * not how features move together.
 */
export class ProductDensity {
  readonly #bins: readonly FeatureBins[];
  /** Per feature −ln of the probability of each bin. */
  readonly #surprises: readonly Float64Array[];

  /** Fits the histograms to the rows. */
  constructor(rows: Rows) {
    this.#bins = Array.from(
      { length: rows.features },
      (_, feature) => new FeatureBins(sortedColumn(rows, feature), "width"),
    );
    this.#surprises = this.#bins.map((bins, feature) => {
      const counts = new Float64Array(bins.count).fill(PRIOR);
      for (let i = 0; i < rows.count; i++) {
        const bin = bins.binOf(rows.data[i * rows.features + feature] ?? NaN);
        counts[bin] = (counts[bin] ?? 0) + 1;
      }
      const total = rows.count + PRIOR * bins.count;
      return counts.map((count) => -Math.log(count / total));
    });
  }

  /** Per feature the mean of −ln p over the rows, in nats: how surprising they are. */
  surprises(rows: Rows): Float64Array {
    const sums = new Float64Array(rows.features);
    for (let i = 0; i < rows.data.length; i++) {
      const feature = i % rows.features;
      const bin = this.#bins[feature]?.binOf(rows.data[i] ?? NaN) ?? 0;
      const surprise = this.#surprises[feature]?.[bin] ?? 0;
      sums[feature] = (sums[feature] ?? 0) + surprise / rows.count;
    }
    return sums;
  }
}
