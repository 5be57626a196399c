/** Statistics of the samples that a model sees, put together from those of parts of them. */
import { assert } from "@everfresh/core";

/** What some samples are like at every BatchNormalization that has running statistics. */
export interface BatchMoments {
  /** How many samples. */
  readonly size: number;
  /** In the order of computation. */
  readonly layers: readonly LayerMoments[];
}

/** What they are like at one of them. */
export interface LayerMoments {
  /** Names of the buffers that hold such statistics. */
  readonly runningMean: string;
  readonly runningVariance: string;
  /** Elements per channel that one sample has. */
  readonly elementsPerSample: number;
  /** Mean of each channel over all samples and positions. */
  readonly mean: Float64Array;
  /** Biased variance of each channel; the unbiased one is n / (n − 1) times as large. */
  readonly variance: Float64Array;
}

/**
 * The statistics of all samples of `parts` together, in float64 and in the order of the parts. Over n
 * samples, of which n_p are in part p:
 *
 *   μ = Σ n_p μ_p / n        σ² = Σ n_p (σ²_p + (μ_p − μ)²) / n
 *
 * @param parts of one model, at least one
 */
export function pooledMoments(parts: readonly BatchMoments[]): BatchMoments {
  const [first] = parts;
  assert(first !== undefined, "there is a part");
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  const layers = first.layers.map((layer, at): LayerMoments => {
    const channels = layer.mean.length;
    const [mean, variance] = [new Float64Array(channels), new Float64Array(channels)];
    const each = parts.map((part) => ({ share: part.size / size, layer: part.layers[at] }));
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (const { share, layer: own } of each) sum += share * (own?.mean[c] ?? NaN);
      mean[c] = sum;
      let squares = 0;
      for (const { share, layer: own } of each) {
        const apart = (own?.mean[c] ?? NaN) - sum;
        squares += share * ((own?.variance[c] ?? NaN) + apart * apart);
      }
      variance[c] = squares;
    }
    return { ...layer, mean, variance };
  });
  return { size, layers };
}
