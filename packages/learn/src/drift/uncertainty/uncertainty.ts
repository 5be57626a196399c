/**
 * Numbers that need no label, one per prediction, for any {@link Detector}. They move with the model
 * too: compare only predictions of one version, or pin a reference that the present one has scored.
 */

/**
 * The entropy of a prediction, 0 (sure) to 1 (all classes alike):
 *
 *   −Σ p ln p / ln C
 *
 * NaN where a probability is missing or negative, or there are fewer than two.
 */
export function predictiveEntropy(probabilities: ArrayLike<number>): number {
  let entropy = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i] ?? NaN;
    if (!(p >= 0)) return NaN;
    if (p > 0) entropy -= p * Math.log(p);
  }
  return probabilities.length < 2 ? NaN : Math.max(0, entropy / Math.log(probabilities.length));
}

/**
 * How near the two likeliest classes are, 0 (sure) to 1 (alike): 1 − (p₁ − p₂). NaN where a
 * probability is missing or there are fewer than two.
 */
export function smallMargin(probabilities: ArrayLike<number>): number {
  let first = -Infinity;
  let second = -Infinity;
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i] ?? NaN;
    if (Number.isNaN(p)) return NaN;
    if (p > first) {
      second = first;
      first = p;
    } else if (p > second) second = p;
  }
  return probabilities.length < 2 ? NaN : 1 - (first - second);
}

/**
 * How much several predictions of one sample disagree, by an ensemble or with dropout: the entropy of
 * their mean less the mean of their entropies (BALD; Houlsby et al. 2011), as a part of ln C. NaN
 * without predictions, or where one is missing or has other classes.
 */
export function disagreement(predictions: readonly ArrayLike<number>[]): number {
  const [first] = predictions;
  if (first === undefined) return NaN;
  const mean = new Float64Array(first.length);
  let entropies = 0;
  for (const probabilities of predictions) {
    if (probabilities.length !== mean.length) return NaN;
    for (let i = 0; i < mean.length; i++) {
      mean[i] = (mean[i] ?? 0) + (probabilities[i] ?? NaN) / predictions.length;
    }
    entropies += predictiveEntropy(probabilities) / predictions.length;
  }
  const difference = predictiveEntropy(mean) - entropies;
  return Number.isNaN(difference) ? NaN : Math.max(0, difference);
}

/**
 * Mean squared difference of what went into an auto-encoder and what came out. NaN where lengths
 * differ, or nothing went in.
 */
export function reconstructionError(input: ArrayLike<number>, output: ArrayLike<number>): number {
  if (input.length !== output.length) return NaN;
  let sum = 0;
  for (let i = 0; i < input.length; i++) sum += ((input[i] ?? NaN) - (output[i] ?? NaN)) ** 2;
  return sum / input.length;
}
