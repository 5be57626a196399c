import { LearnOptionError } from "../../errors.ts";

/** Which changes of the mean count: of errors those upwards. */
export type Direction = "up" | "down" | "both";

/**
 * EWMA of an error rate against its mean: ECDD (Ross, Adams, Tasoulis, Hand, Pattern Recognition
 * Letters 2012).
 */
export interface EcddSpec {
  readonly kind: "ecdd";
  /** λ, the weight of the newest value; above 0, at most 1. @default 0.2 */
  readonly smoothing?: number;
  /** Samples between false alarms that the limit was fitted for, at λ = 0.2. @default 400 */
  readonly averageRunLength?: 100 | 400 | 1000;
  /** Part of the way to the limit at which it warns; above 0, below 1. @default 0.5 */
  readonly warningFraction?: number;
  /** Values before the first verdict. @default 30 */
  readonly warmUp?: number;
}

/** Cumulated deviations from the mean so far against their minimum (Page, Biometrika 1954). */
export interface PageHinkleySpec {
  readonly kind: "pageHinkley";
  /** Deviation that does not count, 0 or more. @default 0.005 */
  readonly delta?: number;
  /** λ, above 0. @default 50 */
  readonly threshold?: number;
  /** What the sum is multiplied by with each value; above 0, at most 1. @default 0.9999 */
  readonly forgetting?: number;
  /** @default "both" */
  readonly direction?: Direction;
  /** Values before the first verdict. @default 30 */
  readonly warmUp?: number;
}

/** Cumulated deviations from the mean so far, never below 0 (Page, Biometrika 1954). */
export interface CusumSpec {
  readonly kind: "cusum";
  /** Deviation that does not count, 0 or more. @default 0.005 */
  readonly delta?: number;
  /** λ, above 0. @default 50 */
  readonly threshold?: number;
  /** @default "up" */
  readonly direction?: Direction;
  /** Values before the first verdict. @default 30 */
  readonly warmUp?: number;
}

/** A window that is cut where its parts differ: ADWIN2 (Bifet, Gavaldà, SDM 2007). */
export interface AdwinSpec {
  readonly kind: "adwin";
  /** δ, the confidence of a cut; above 0, below 1. @default 0.002 */
  readonly delta?: number;
  /** Cuts are tried once in so many values. @default 32 */
  readonly everySamples?: number;
  /** Buckets of one size, 1 or more. @default 5 */
  readonly bucketsMax?: number;
  /** Values in either part of a cut, 1 or more. @default 5 */
  readonly partMin?: number;
  /** Values before the first cut is tried. @default 10 */
  readonly warmUp?: number;
}

/** The error rate against its minimum: DDM (Gama, Medas, Castillo, Rodrigues, SBIA 2004). */
export interface DdmSpec {
  readonly kind: "ddm";
  /** Standard deviations above the minimum; above 0. @default 2 */
  readonly warningDeviations?: number;
  /** The same for drift, no fewer. @default 3 */
  readonly driftDeviations?: number;
  /** Values before the first verdict. @default 30 */
  readonly warmUp?: number;
}

/** The distance between errors against its maximum: EDDM (Baena-García et al., IWKDDS 2006). */
export interface EddmSpec {
  readonly kind: "eddm";
  /** Part of the maximum below which it warns; at most 1. @default 0.95 */
  readonly warningBelow?: number;
  /** The same for drift, above 0, no more. @default 0.9 */
  readonly driftBelow?: number;
  /** Values, and errors, before the first verdict. @default 30 */
  readonly warmUp?: number;
}

/** Means by Hoeffding's bound: HDDM-A (Frías-Blanco et al., IEEE TKDE 2015). */
export interface HddmASpec {
  readonly kind: "hddmA";
  /** Significance of a drift; above 0, below 1. @default 0.001 */
  readonly driftConfidence?: number;
  /** The same for a warning, no less. @default 0.005 */
  readonly warningConfidence?: number;
  /** @default "up" */
  readonly direction?: "up" | "both";
}

/** EWMAs by McDiarmid's bound: HDDM-W (Frías-Blanco et al., IEEE TKDE 2015). */
export interface HddmWSpec {
  readonly kind: "hddmW";
  /** Significance of a drift; above 0, below 1. @default 0.001 */
  readonly driftConfidence?: number;
  /** The same for a warning, no less. @default 0.005 */
  readonly warningConfidence?: number;
  /** λ, the weight of the newest value; above 0, below 1. @default 0.05 */
  readonly smoothing?: number;
  /** @default "up" */
  readonly direction?: "up" | "both";
}

/**
 * Kolmogorov and Smirnov's test of the newest values against a random part of those before: KSWIN
 * (Raab, Heusinger, Schleif, Neurocomputing 2020).
 */
export interface KswinSpec {
  readonly kind: "kswin";
  /** Significance of a drift; above 0, below 1. @default 0.005 */
  readonly alpha?: number;
  /** Values in the window. @default 100 */
  readonly windowSamples?: number;
  /** The newest ones of them that are compared; at most half. @default 30 */
  readonly recentSamples?: number;
  /** Of the random part. @default 0 */
  readonly seed?: number;
}

/**
 * Ours: all means before and after a change, corrected for autocorrelation and skewness, against a
 * budget of false alarms.
 */
export interface ChangeScanSpec {
  readonly kind: "changeScan";
  /** Mean number of values between two false alarms on a stable stream; 1,000 or more. @default 40,000 */
  readonly falseAlarmEvery?: number;
  /** The same for warnings, no more. @default a tenth of that */
  readonly falseWarningEvery?: number;
  /** @default "up" */
  readonly direction?: Direction;
  /** Values before the first verdict; 100 or more. @default 300 */
  readonly warmUp?: number;
}

/** A detector, as plain data. */
export type DetectorSpec =
  | EcddSpec
  | PageHinkleySpec
  | CusumSpec
  | AdwinSpec
  | DdmSpec
  | EddmSpec
  | HddmASpec
  | HddmWSpec
  | KswinSpec
  | ChangeScanSpec;

const CHECKS: {
  readonly [K in DetectorSpec["kind"]]: (spec: Extract<DetectorSpec, { kind: K }>) => void;
} = {
  ecdd: ({ smoothing = 0.2, averageRunLength = 400, warningFraction = 0.5, warmUp = 30 }) => {
    checkRange("smoothing", smoothing, { above: 0, most: 1 });
    if (![100, 400, 1000].includes(averageRunLength)) {
      throw new LearnOptionError("averageRunLength", averageRunLength, "100, 400 or 1000");
    }
    checkRange("warningFraction", warningFraction, { above: 0, below: 1 });
    checkWhole("warmUp", warmUp, 0);
  },
  pageHinkley: ({ delta = 0.005, threshold = 50, forgetting = 1, warmUp = 30 }) => {
    checkRange("delta", delta, { least: 0 });
    checkRange("threshold", threshold, { above: 0 });
    checkRange("forgetting", forgetting, { above: 0, most: 1 });
    checkWhole("warmUp", warmUp, 0);
  },
  cusum: ({ delta = 0.005, threshold = 50, warmUp = 30 }) => {
    checkRange("delta", delta, { least: 0 });
    checkRange("threshold", threshold, { above: 0 });
    checkWhole("warmUp", warmUp, 0);
  },
  adwin: ({ delta = 0.002, everySamples = 32, bucketsMax = 5, partMin = 5, warmUp = 10 }) => {
    checkRange("delta", delta, { above: 0, below: 1 });
    checkWhole("everySamples", everySamples, 1);
    checkWhole("bucketsMax", bucketsMax, 1, BUCKETS_MOST);
    checkWhole("partMin", partMin, 1);
    checkWhole("warmUp", warmUp, 0);
  },
  ddm: ({ warningDeviations = 2, driftDeviations = 3, warmUp = 30 }) => {
    checkRange("warningDeviations", warningDeviations, { above: 0 });
    checkRange("driftDeviations", driftDeviations, { least: warningDeviations });
    checkWhole("warmUp", warmUp, 1);
  },
  eddm: ({ warningBelow = 0.95, driftBelow = 0.9, warmUp = 30 }) => {
    checkRange("warningBelow", warningBelow, { above: 0, most: 1 });
    checkRange("driftBelow", driftBelow, { above: 0, most: warningBelow });
    checkWhole("warmUp", warmUp, 1);
  },
  hddmA: ({ driftConfidence = 0.001, warningConfidence = 0.005 }) =>
    checkConfidences(driftConfidence, warningConfidence),
  hddmW: ({ driftConfidence = 0.001, warningConfidence = 0.005, smoothing = 0.05 }) => {
    checkConfidences(driftConfidence, warningConfidence);
    checkRange("smoothing", smoothing, { above: 0, below: 1 });
  },
  kswin: ({ alpha = 0.005, windowSamples = 100, recentSamples = 30, seed = 0 }) => {
    checkRange("alpha", alpha, { above: 0, below: 1 });
    checkWhole("recentSamples", recentSamples, 2);
    checkWhole("windowSamples", windowSamples, 2 * recentSamples, KSWIN_WINDOW_MOST);
    checkWhole("seed", seed, 0);
  },
  changeScan: ({ falseAlarmEvery = 40_000, falseWarningEvery, warmUp = 300 }) => {
    checkRange("falseAlarmEvery", falseAlarmEvery, { least: 1_000 });
    if (falseWarningEvery !== undefined) {
      checkRange("falseWarningEvery", falseWarningEvery, { least: 100, most: falseAlarmEvery });
    }
    checkWhole("warmUp", warmUp, 100);
  },
};

/** More would make a scan of ADWIN's cuts slow without making it better. */
const BUCKETS_MOST = 64;
/** Each update sorts part of the window: a bound on its cost. */
const KSWIN_WINDOW_MOST = 10_000;

/**
 * Checks the numbers of a detector.
 * @throws LearnOptionError for one that is out of its range
 */
export function checkDetectorSpec(spec: DetectorSpec): void {
  const check = CHECKS[spec.kind] as (spec: DetectorSpec) => void;
  check(spec);
}

function checkConfidences(drift: number, warning: number): void {
  checkRange("driftConfidence", drift, { above: 0, below: 1 });
  checkRange("warningConfidence", warning, { least: drift, below: 1 });
}

function checkWhole(option: string, value: number, least: number, most = 2 ** 53 - 1): void {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    const upTo = most < 2 ** 53 - 1 ? ` to ${most}` : " or more";
    throw new LearnOptionError(option, value, `a whole number of ${least}${upTo}`);
  }
}

interface Range {
  readonly above?: number;
  readonly least?: number;
  readonly most?: number;
  readonly below?: number;
}

function checkRange(option: string, value: number, range: Range): void {
  const { above = -Infinity, least = -Infinity, most = Infinity, below = Infinity } = range;
  const isIn = value > above && value >= least && value <= most && value < below;
  if (isIn && Number.isFinite(value)) return;
  const words = { above: "above", least: "of at least", most: "at most", below: "below" };
  const bounds = (Object.keys(words) as (keyof Range)[])
    .filter((bound) => range[bound] !== undefined)
    .map((bound) => `${words[bound]} ${range[bound] ?? 0}`);
  throw new LearnOptionError(option, value, `a finite number ${bounds.join(", ")}`);
}
