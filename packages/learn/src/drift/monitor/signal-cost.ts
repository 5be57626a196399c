/**
 * What signals cost, by measurement, so that costly ones look at fewer samples: a table and no clock,
 * so that a run that is resumed elsewhere looks at the same ones.
 */
import type { DetectorSpec } from "../detectors/detector-spec.ts";
import {
  type CompleteDriftSpec,
  isRowsSpec,
  type MonitoredSignalSpec,
  type RowsSpec,
  type SignalInput,
} from "./drift-spec.ts";

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

/** To ask a session in a thread about one sample, and multiplications per microsecond of its answer. */
const ASK_MICROS = 60;
const MULTIPLICATIONS_PER_MICRO = 4_000;

/** Units of an auto-encoder's narrowest layer unless told otherwise, at most. */
const CODE_MAX = 32;

/** Microseconds that a value of an input takes before any detector sees it; nothing where none is said. */
export type InputMicros = Partial<Readonly<Record<SignalInput, number>>>;

/**
 * What one prediction takes, for one sample alone.
 * @param multiplications of the model, as `forwardMultiplications` of the engine counts them
 * @returns microseconds
 */
function predictionMicros(multiplications: number): number {
  return ASK_MICROS + multiplications / MULTIPLICATIONS_PER_MICRO;
}

/**
 * What values of costly inputs take, by the sizes of what makes them. That an auto-encoder learns is not
 * in it: that costs once.
 * @param features numbers in a sample
 * @param multiplications of one prediction of the model
 */
export function inputMicrosOf(
  { members, reconstruction }: CompleteDriftSpec,
  features: number,
  multiplications = 0,
): InputMicros {
  const prediction = predictionMicros(multiplications);
  const { hidden = [], code = CODE_MAX } = reconstruction;
  const sizes = [features, ...hidden, code];
  const half = sizes.slice(1).reduce((sum, size, i) => sum + size * (sizes[i] ?? 0), 0);
  return {
    ...{ embedding: prediction, disagreement: members * prediction },
    reconstruction: predictionMicros(2 * half),
  };
}

/** The part of the budget for what only drift monitoring lets the pinned state predict. */
const PINNED_PART = 1 / 4;

/**
 * One in how many samples the pinned state is to predict where nobody else wants that, so that it takes
 * a quarter of the budget. It predicts many together, so asking costs nothing to speak of.
 */
export function pinnedEveryOf(
  { microsPerSample }: CompleteDriftSpec,
  multiplications: number,
): number {
  const own = multiplications / MULTIPLICATIONS_PER_MICRO;
  return Math.min(EVERY_MAX, Math.max(1, Math.ceil(own / (PINNED_PART * microsPerSample))));
}

/** Microseconds that a signal takes for each value that it looks at. */
export function signalMicros(
  { detector, input }: MonitoredSignalSpec,
  numbers: number,
  inputs: InputMicros = {},
): number {
  return (inputs[input] ?? 0) + detectorMicros(detector, numbers);
}

function detectorMicros(detector: DetectorSpec | RowsSpec, numbers: number): number {
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
  inputs: InputMicros = {},
): readonly number[] {
  const every = signals.map(({ everySamples }) => everySamples ?? 0);
  const micros = signals.map((signal, i) => signalMicros(signal, numbers[i] ?? 1, inputs));
  // Who says how often a costly signal looks has not said that others are to look at nothing.
  const least = every.some((given) => given > 0) ? LEAST_PART * microsPerSample : 0;
  let left = microsPerSample;
  every.forEach((given, i) => {
    if (given > 0) left -= (micros[i] ?? 0) / given;
  });
  const open = [...every.keys()]
    .filter((i) => every[i] === 0)
    .sort((a, b) => (micros[a] ?? 0) - (micros[b] ?? 0));
  open.forEach((i, rank) => {
    const share = Math.max(least, left / (open.length - rank));
    const own = micros[i] ?? 0;
    every[i] = share > 0 ? Math.min(EVERY_MAX, Math.max(1, Math.ceil(own / share))) : EVERY_MAX;
    left -= own / (every[i] ?? 1);
  });
  return every;
}

/** The part of the budget that each signal has in any case, where some say how often they look. */
const LEAST_PART = 1 / 20;

/** A signal that looks at fewer samples than that says nothing in time. */
const EVERY_MAX = 1_000;
