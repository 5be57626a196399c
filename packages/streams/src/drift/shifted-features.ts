import type { Source } from "../sources/source.ts";
import { changedSamples } from "./changed-samples.ts";

/** Options of {@link shiftedFeatures}. */
export interface FeatureShiftOptions {
  /** Position of the first sample with other values. */
  readonly fromSample: number;
  /** Which numbers of a sample move, from 0. */
  readonly features: readonly number[];
  /** What is added to them; 8-bit values stay between 0 and 255. */
  readonly by: number;
}

/**
 * A source in which some features move from a sample on, while labels stay. It is harmless where they
 * mean nothing, as the third one of {@link sea}: p(x) drifts, and what is best to answer does not.
 * @throws RangeError for numbers that are out of their ranges
 */
export function shiftedFeatures(source: Source, options: FeatureShiftOptions): Source {
  const { fromSample, features, by } = options;
  const length = source.schema.features.shape.reduce((product, size) => product * size, 1);
  for (const feature of features) {
    if (Number.isSafeInteger(feature) && feature >= 0 && feature < length) continue;
    throw new RangeError(
      `shiftedFeatures() takes features from 0 to ${length - 1}, got ${feature}`,
    );
  }
  if (!Number.isFinite(by)) {
    throw new RangeError(`shiftedFeatures() takes a finite number as by, got ${by}`);
  }
  return changedSamples(source, fromSample, (sample) => {
    const values = sample.features.slice();
    const isBytes = values instanceof Uint8Array;
    for (const feature of features) {
      const value = (values[feature] ?? 0) + by;
      values[feature] = isBytes ? Math.min(255, Math.max(0, value)) : value;
    }
    return { ...sample, features: values };
  });
}
