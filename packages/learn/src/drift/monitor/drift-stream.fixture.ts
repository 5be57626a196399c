import { Random } from "@everfresh/core";
import type { DriftSpec } from "./drift-spec.ts";
import type { LabelledObservation, PredictedObservation } from "./observations.ts";

/** A part of a stream of three classes and four features. */
export interface StreamPart {
  readonly count: number;
  /** Part of the predictions that are wrong. @default 0.2 */
  readonly errors?: number;
  /** Mean of the second feature, which no prediction goes by. @default 0 */
  readonly feature?: number;
  /** How sure predictions are, more being surer. @default 1 */
  readonly sure?: number;
}

/** A sample of a stream that a model predicts. */
export interface StreamSample {
  readonly predicted: PredictedObservation;
  readonly labelled: LabelledObservation;
}

/** Samples whose changes are known. */
export function driftStream(seed: number, parts: readonly StreamPart[]): readonly StreamSample[] {
  const random = new Random(seed, 21);
  let sequence = 0;
  return parts.flatMap(({ count, errors = 0.2, feature = 0, sure = 1 }) =>
    Array.from({ length: count }, () => {
      const features = Float32Array.from({ length: 4 }, () => random.normal());
      features[1] = (features[1] ?? 0) + feature;
      const guess = random.below(3);
      const weights = [0, 1, 2].map((i) => Math.exp(sure * (i === guess ? 2 + random.float() : 0)));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const probabilities = weights.map((weight) => weight / total);
      const label = random.float() < errors ? (guess + 1 + random.below(2)) % 3 : guess;
      const at = sequence++;
      const time = { eventTimeMs: 1_700_000_000_000 + 60_000 * at };
      return {
        predicted: { sequence: at, ...time, version: at >> 6, features, probabilities },
        labelled: { sequence: at, label, probabilities, deployedProbabilities: probabilities },
      };
    }),
  );
}

/** The usual signals with small windows and few resamples, so that many streams can be played. */
export const SMALL: DriftSpec = {
  signals: [
    {
      name: "feature distance",
      input: "features",
      detector: {
        ...({ kind: "twoSample", statistic: "hellinger", referenceSamples: 150 } as const),
        ...{ recentSamples: 60, everySamples: 30, resamples: 99 },
      },
    },
    {
      name: "margin",
      input: "margin",
      detector: { kind: "changeScan", direction: "both", warmUp: 150 },
    },
    { name: "errors", input: "errors", detector: { kind: "changeScan", warmUp: 150 } },
  ],
};
