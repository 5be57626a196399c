/**
 * Area under the curve of true against false positive rates: the probability that a positive scores
 * above a negative, where a tie counts half,
 *   Σ w_i · w_j · ([s_i > s_j] + ½ · [s_i = s_j]) / (Σ w_i · Σ w_j),  i positive, j negative.
 * Exact; O(n log n). null without positives or without negatives.
 */
export function exactAuc(
  samples: readonly {
    readonly score: number;
    readonly isPositive: boolean;
    readonly weight: number;
  }[],
): number | null {
  const ascending = samples.toSorted((a, b) => a.score - b.score);
  let [negativesBelow, area, positives] = [0, 0, 0];
  for (let from = 0; from < ascending.length;) {
    const score = ascending[from]?.score;
    let [tiedPositives, tiedNegatives] = [0, 0];
    let to = from;
    for (; to < ascending.length && ascending[to]?.score === score; to++) {
      const { isPositive = false, weight = 0 } = ascending[to] ?? {};
      if (isPositive) tiedPositives += weight;
      else tiedNegatives += weight;
    }
    area += tiedPositives * (negativesBelow + tiedNegatives / 2);
    positives += tiedPositives;
    negativesBelow += tiedNegatives;
    // A score that is not a number equals nothing, itself included.
    from = Math.max(to, from + 1);
  }
  return positives > 0 && negativesBelow > 0 ? area / (positives * negativesBelow) : null;
}

/** Log-odds at which bins begin to widen: between probabilities of 0.02 and 0.98 they are narrow. */
const LOG_ODDS_SCALE = 4;

/**
 * Which of `bins` bins a probability falls into, with the log-odds l = ln(p / (1 − p)): that of
 * (l / (4 + |l|) + 1) / 2 among equal parts of [0, 1]. Narrow where most models have their
 * probabilities, and still telling them apart at the ends, where confident models have theirs.
 */
export function binOfProbability(probability: number, bins: number): number {
  const logOdds = Math.log(probability) - Math.log1p(-probability);
  if (Number.isNaN(logOdds)) return 0;
  if (!Number.isFinite(logOdds)) return logOdds > 0 ? bins - 1 : 0;
  const part = (logOdds / (LOG_ODDS_SCALE + Math.abs(logOdds)) + 1) / 2;
  return Math.min(bins - 1, Math.max(0, Math.floor(part * bins)));
}

/** An area that is off by no more than `errorMax`. */
export interface BinnedAuc {
  readonly auc: number;
  readonly errorMax: number;
}

/**
 * {@link exactAuc} of samples of which only the bin of their score is known. Those of one bin are taken
 * for tied, so it is off by at most ½ · Σ_b positives_b · negatives_b / (positives · negatives).
 */
export function binnedAuc(positives: Float64Array, negatives: Float64Array): BinnedAuc | null {
  let [negativesBelow, area, tied, positiveWeight] = [0, 0, 0, 0];
  positives.forEach((tiedPositives, bin) => {
    const tiedNegatives = negatives[bin] ?? 0;
    area += tiedPositives * (negativesBelow + tiedNegatives / 2);
    tied += (tiedPositives * tiedNegatives) / 2;
    positiveWeight += tiedPositives;
    negativesBelow += tiedNegatives;
  });
  const pairs = positiveWeight * negativesBelow;
  return pairs > 0 ? { auc: area / pairs, errorMax: tied / pairs } : null;
}
