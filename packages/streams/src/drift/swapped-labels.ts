import type { Source } from "../sources/source.ts";
import { changedSamples } from "./changed-samples.ts";

/** Options of {@link swappedLabels}. */
export interface LabelSwapOptions {
  /** Position of the first sample with another label. */
  readonly fromSample: number;
  /** The two classes whose labels are exchanged. @default 0 and 1 */
  readonly classes?: readonly [number, number];
}

/**
 * A source in which two classes change places from a sample on: p(y | x) drifts while p(x) stays as it
 * is, which no signal without labels can see.
 * @throws RangeError for numbers that are out of their ranges
 */
export function swappedLabels(source: Source, options: LabelSwapOptions): Source {
  const { fromSample, classes = [0, 1] } = options;
  const { count } = source.schema.target;
  for (const label of classes) {
    if (Number.isSafeInteger(label) && label >= 0 && label < count) continue;
    throw new RangeError(`swappedLabels() takes two of ${count} classes, got ${label}`);
  }
  const [first, second] = classes;
  return changedSamples(source, fromSample, (sample) => {
    if (sample.label === first) return { ...sample, label: second };
    return sample.label === second ? { ...sample, label: first } : sample;
  });
}
