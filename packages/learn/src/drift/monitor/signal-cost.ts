/**
 * What signals cost, by measurement, so that costly ones look at fewer samples: a table and no clock,
 * so that a run that is resumed elsewhere looks at the same ones.
 */
import type { DetectorSpec } from "../detectors/detector-spec.ts";
import { isRowsSpec, type MonitoredSignalSpec, type RowsSpec } from "./drift-spec.ts";

/** Microseconds per value on a core of 2023, rounded up (`npm run bench -- drift --cost`). */
const DETECTOR_MICROS: { readonly [K in DetectorSpec["kind"]]: number } = {
  ...{ ecdd: 0.5, pageHinkley: 0.5, cusum: 0.5, adwin: 2, ddm: 0.5, eddm: 0.5 },
  ...{ hddmA: 0.5, hddmW: 0.5, kswin: 10, changeScan: 3 },
};

/** Microseconds to look at one number of one row once, by the statistic. */
const NUMBER_MICROS: { readonly [K in RowsSpec["statistic"]]: number } = {
  ...{ hellinger: 0.01, psi: 0.01, ks: 0.1, mmd: 0.05, classifier: 0.1, density: 0.05 },
};

/** Rows over which the resamples of a reference count: about as many as it lasts. */
const REFERENCE_LASTS = 10_000;

/** Microseconds that a signal takes for each value that it looks at. */
export function signalMicros({ detector }: MonitoredSignalSpec, numbers: number): number {
  if (!isRowsSpec(detector)) return DETECTOR_MICROS[detector.kind];
  const { referenceSamples = 500, recentSamples = 200, everySamples = 50 } = detector;
  const { resamples = 999, statistic } = detector;
  const rows = referenceSamples + recentSamples;
  const looks = 1 / everySamples + resamples / REFERENCE_LASTS;
  return 1 + looks * rows * numbers * NUMBER_MICROS[statistic];
}

/**
 * One in how many values each signal looks at, so that all together take at most `microsPerSample`:
 * all that do not say so themselves get the same time, and what cheap ones do not need goes to others.
 */
export function thinnedTo(
  microsPerSample: number,
  signals: readonly MonitoredSignalSpec[],
  numbers: readonly number[],
): readonly number[] {
  const every = signals.map(({ everySamples }) => everySamples ?? 0);
  const micros = signals.map((signal, i) => signalMicros(signal, numbers[i] ?? 1));
  let left = microsPerSample;
  every.forEach((given, i) => {
    if (given > 0) left -= (micros[i] ?? 0) / given;
  });
  const open = [...every.keys()]
    .filter((i) => every[i] === 0)
    .sort((a, b) => (micros[a] ?? 0) - (micros[b] ?? 0));
  open.forEach((i, rank) => {
    const share = Math.max(0, left) / (open.length - rank);
    const own = micros[i] ?? 0;
    every[i] = share > 0 ? Math.min(EVERY_MAX, Math.max(1, Math.ceil(own / share))) : EVERY_MAX;
    left -= own / (every[i] ?? 1);
  });
  return every;
}

/** A signal that looks at fewer samples than that says nothing in time. */
const EVERY_MAX = 1_000;
