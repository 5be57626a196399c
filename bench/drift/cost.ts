import { Random } from "@everfresh/core";
import { detectorOf, type DetectorSpec } from "@everfresh/learn";
import { median, quantile } from "../statistics.ts";

/** Values of a stream, and how often it is gone through. */
const VALUES = 20_000;
const ROUNDS = 25;

/** What an update of a detector takes. */
export interface CostRow {
  readonly policy: string;
  /** Microseconds per update on errors at a rate of 0.2 and on normal numbers: medians of the rounds. */
  readonly errorsMicros: number;
  readonly numbersMicros: number;
  /** The same of the fastest tenth, which other programs disturb least. */
  readonly errorsMicrosUndisturbed: number;
  readonly numbersMicrosUndisturbed: number;
  /** Bytes of its checkpoint as JSON. */
  readonly checkpointBytes: number;
}

/** Times updates on streams that do not change. */
export function costRows(detectors: Readonly<Record<string, DetectorSpec>>): readonly CostRow[] {
  const random = new Random(1);
  const errors = Float64Array.from({ length: VALUES }, () => (random.float() < 0.2 ? 1 : 0));
  const numbers = Float64Array.from({ length: VALUES }, () => random.normal());
  return Object.entries(detectors).map(([policy, spec]) => {
    const ofErrors = roundMicros(spec, errors);
    const ofNumbers = roundMicros(spec, numbers);
    const detector = detectorOf(spec);
    for (const value of errors) detector.update(value);
    return {
      policy,
      errorsMicros: median(ofErrors),
      numbersMicros: median(ofNumbers),
      errorsMicrosUndisturbed: quantile(ofErrors, 0.1),
      numbersMicrosUndisturbed: quantile(ofNumbers, 0.1),
      checkpointBytes: JSON.stringify(detector.checkpoint()).length,
    };
  });
}

/** Per round the time of an update, in microseconds. */
function roundMicros(spec: DetectorSpec, values: Float64Array): readonly number[] {
  return Array.from({ length: ROUNDS }, () => {
    const detector = detectorOf(spec);
    const startedAtMs = performance.now();
    for (const value of values) detector.update(value);
    return ((performance.now() - startedAtMs) * 1_000) / VALUES;
  });
}
