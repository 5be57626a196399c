import { LearnOptionError } from "../../errors.ts";

/**
 * How different two samples are:
 *
 * - `hellinger`, `psi`: of histograms; the feature with the largest counts
 * - `ks`: Kolmogorov and Smirnov's distance; the feature with the largest counts
 * - `mmd`: maximum mean discrepancy of whole rows, in linear time
 * - `classifier`: how well Gaussian naive Bayes tells them apart, less one half
 * - `density`: how much more or less surprising rows have become, in nats, under a product of
 *   histograms
 */
export type TwoSampleStatistic = "hellinger" | "psi" | "ks" | "mmd" | "classifier" | "density";

/** The newest rows against a reference, with a block bootstrap of the reference for what is chance. */
export interface TwoSampleSpec {
  readonly kind: "twoSample";
  readonly statistic: TwoSampleStatistic;
  /** Numbers in a row, 1 to 1,024. */
  readonly features: number;
  /** Rows of the reference: the first ones since the last alarm or reset. @default 500 */
  readonly referenceSamples?: number;
  /** Rows that are compared with it, the newest; at most as many. @default 200 */
  readonly recentSamples?: number;
  /** They are compared once in so many rows. @default 50 */
  readonly everySamples?: number;
  /** Mean number of rows between two false alarms on a stable stream. @default 20,000 */
  readonly falseAlarmEvery?: number;
  /** The same for warnings, no more. @default a tenth of that */
  readonly falseWarningEvery?: number;
  /** Resamples of the bootstrap; enough for the budget: falseAlarmEvery / everySamples. @default 999 */
  readonly resamples?: number;
  /** Rows that stay together in a resample. @default by how correlated the reference is */
  readonly blockSamples?: number;
  /** Of the resamples. @default 0 */
  readonly seed?: number;
}

/** A specification with every default filled in, but for the length of blocks. */
export type CompleteTwoSampleSpec = Required<Omit<TwoSampleSpec, "blockSamples">> &
  Pick<TwoSampleSpec, "blockSamples">;

/** Numbers in a row at most: windows of 700 rows are then 6 MB. */
const FEATURES_MAX = 1_024;
/** Rows in a window at most, for the same reason. */
const ROWS_MAX = 100_000;
/** Resamples at most: each compares two whole samples. */
const RESAMPLES_MAX = 100_000;

/**
 * Checks the numbers of a specification and fills in what is missing.
 * @throws LearnOptionError for one that is out of its range
 */
export function completeTwoSampleSpec(spec: TwoSampleSpec): CompleteTwoSampleSpec {
  const { referenceSamples = 500, recentSamples = 200, everySamples = 50, seed = 0 } = spec;
  const { falseAlarmEvery = 20_000, resamples = 999, blockSamples } = spec;
  const { falseWarningEvery = falseAlarmEvery / 10 } = spec;
  checkWhole("features", spec.features, [1, FEATURES_MAX]);
  checkWhole("referenceSamples", referenceSamples, [20, ROWS_MAX]);
  checkWhole("recentSamples", recentSamples, [10, referenceSamples]);
  checkWhole("everySamples", everySamples, [1, ROWS_MAX]);
  checkWhole("resamples", resamples, [19, RESAMPLES_MAX]);
  checkWhole("seed", seed, [0, Number.MAX_SAFE_INTEGER]);
  if (blockSamples !== undefined) checkWhole("blockSamples", blockSamples, [1, referenceSamples]);
  // A p-value is never below 1 / (resamples + 1), so a larger budget could not be kept to.
  const most = (resamples + 1) * everySamples;
  if (!(falseAlarmEvery >= 2 * everySamples && falseAlarmEvery <= most)) {
    const needed = `from ${2 * everySamples} to (resamples + 1) · everySamples = ${most}`;
    throw new LearnOptionError("falseAlarmEvery", falseAlarmEvery, needed);
  }
  if (!(falseWarningEvery >= everySamples && falseWarningEvery <= falseAlarmEvery)) {
    const needed = `from ${everySamples} to ${falseAlarmEvery}`;
    throw new LearnOptionError("falseWarningEvery", falseWarningEvery, needed);
  }
  const { kind, statistic, features } = spec;
  return {
    ...{ kind, statistic, features, referenceSamples, recentSamples, everySamples },
    ...{ falseAlarmEvery, falseWarningEvery, resamples, seed },
    ...(blockSamples === undefined ? {} : { blockSamples }),
  };
}

function checkWhole(option: string, value: number, [least, most]: readonly [number, number]): void {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new LearnOptionError(option, value, `a whole number from ${least} to ${most}`);
  }
}
