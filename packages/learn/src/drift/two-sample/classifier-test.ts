import { type Rows, rowsAt } from "./rows.ts";

/** Added to each variance, as a part of the largest: scikit-learn's smoothing. */
const SMOOTHING = 1e-9;

interface Gaussians {
  readonly count: number;
  readonly means: Float64Array;
  readonly variances: Float64Array;
}

/**
 * How well a classifier tells two samples apart (Lopez-Paz, Oquab, ICLR 2017): Gaussian naive Bayes
 * is trained on every other row of each, and tested on the rest. It sees means and variances move.
 * @returns mean of the two samples' accuracies: ½ where they cannot be told apart
 */
export function classifierAccuracy(first: Rows, second: Rows): number {
  const [trained, tested] = [0, 1].map((from) => [first, second].map((rows) => half(rows, from)));
  const models = (trained ?? []).map(gaussiansOf);
  const largest = Math.max(...models.flatMap(({ variances }) => [...variances]));
  let accuracy = 0;
  (tested ?? []).forEach((rows, sample) => {
    let right = 0;
    for (let i = 0; i < rows.count; i++) {
      const scores = models.map((model) => logLikelihood(model, rows, i, SMOOTHING * largest));
      const difference = (scores[1] ?? 0) - (scores[0] ?? 0);
      // Neither is the likelier one: half right.
      if (difference === 0) right += 0.5;
      else if (difference > 0 === (sample === 1)) right++;
    }
    accuracy += rows.count === 0 ? 0.25 : right / rows.count / 2;
  });
  return accuracy;
}

function half(rows: Rows, from: number): Rows {
  const length = Math.ceil((rows.count - from) / 2);
  return rowsAt(
    rows,
    Uint32Array.from({ length }, (_, i) => 2 * i + from),
  );
}

function gaussiansOf({ count, features, data }: Rows): Gaussians {
  const means = new Float64Array(features);
  const variances = new Float64Array(features);
  data.forEach((value, i) => {
    means[i % features] = (means[i % features] ?? 0) + value / count;
  });
  data.forEach((value, i) => {
    const deviation = value - (means[i % features] ?? 0);
    variances[i % features] = (variances[i % features] ?? 0) + (deviation * deviation) / count;
  });
  return { count, means, variances };
}

/** Up to what is the same for both models; both samples are taken to be equally likely. */
function logLikelihood(model: Gaussians, rows: Rows, i: number, smoothing: number): number {
  let sum = 0;
  for (let feature = 0; feature < rows.features; feature++) {
    const variance = (model.variances[feature] ?? 0) + smoothing;
    if (variance === 0) continue; // constant in both
    const deviation = (rows.data[i * rows.features + feature] ?? 0) - (model.means[feature] ?? 0);
    sum -= (Math.log(variance) + (deviation * deviation) / variance) / 2;
  }
  return sum;
}
