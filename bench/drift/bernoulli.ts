import { Random } from "@everfresh/core";
import { detectorOf, type DetectorSpec } from "@everfresh/learn";
import { median } from "../statistics.ts";
import type { DriftRow } from "./rows.ts";

/** Samples before the change, and after it. */
const HALF = 5_000;
/** Error rates: before, after the change that is timed, after the one that is to be seen at all. */
const RATES = { before: 0.2, large: 0.4, small: 0.25 } as const;

/** Errors of a model before a change and after one or the other; 1 is wrong. */
export interface ErrorStreams {
  readonly before: Uint8Array;
  readonly large: Uint8Array;
  readonly small: Uint8Array;
}

/** How error streams are made. */
export interface BernoulliOptions {
  readonly seeds: number;
  /** Chance that an error is what the one before was: the autocorrelation of neighbours. */
  readonly correlation: number;
  /** Samples after which a label arrives. */
  readonly lag: number;
}

/** The errors of a seed. */
export function errorStreams(seed: number, correlation: number): ErrorStreams {
  const part = (name: keyof ErrorStreams, stream: number, first: number | null): Uint8Array => {
    const random = new Random(seed, stream);
    let last = first;
    return Uint8Array.from({ length: HALF }, () => {
      if (last === null || random.float() >= correlation) {
        last = random.float() < RATES[name] ? 1 : 0;
      }
      return last;
    });
  };
  const before = part("before", 1, null);
  const last = before[HALF - 1] ?? 0;
  return { before, large: part("large", 2, last), small: part("small", 3, last) };
}

/**
 * A row per detector: false alarms before the change, delay for 0.2 → 0.4, and the share of 0.2 → 0.25
 * that is seen within 5,000 samples. Whatever alarms starts anew with nothing.
 */
export function bernoulliRows(
  detectors: Readonly<Record<string, DetectorSpec>>,
  { seeds, correlation, lag }: BernoulliOptions,
): readonly DriftRow[] {
  return Object.entries(detectors).map(([policy, spec]) => {
    const times: number[] = [];
    const delays: number[] = [];
    let [falseAlarms, detections, small] = [0, 0, 0];
    for (let seed = 1; seed <= seeds; seed++) {
      const { before, large, small: smaller } = errorStreams(seed, correlation);
      const detector = detectorOf(spec);
      const startedAtMs = performance.now();
      for (const error of before) if (detector.update(error) === "drift") falseAlarms++;
      times.push(((performance.now() - startedAtMs) * 1_000) / HALF);
      const atChange = detector.checkpoint();
      const delayOf = (errors: Uint8Array): number | null => {
        detector.restore(atChange);
        const at = errors.findIndex((error) => detector.update(error) === "drift");
        if (at >= 0) detections++;
        return at < 0 ? null : at + 1 + lag;
      };
      const delay = delayOf(large);
      if (delay !== null) delays.push(delay);
      if (delayOf(smaller) !== null) small++;
    }
    return {
      policy,
      accuracy: null,
      alarms: falseAlarms + detections,
      falseAlarmsPer10k: (falseAlarms * 10_000) / (seeds * HALF),
      medianDelay: delays.length === 0 ? null : median(delays),
      detectedShare: small / seeds,
      microsPerUpdate: median(times),
    };
  });
}
