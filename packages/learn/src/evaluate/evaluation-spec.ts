import { LearnOptionError } from "../errors.ts";

/** What is evaluated and how, as plain data. */
export interface EvaluationSpec {
  /** Classes, or a number. */
  readonly target:
    { readonly kind: "classes"; readonly count: number } | { readonly kind: "number" };
  /** Newest samples of the windowed scores, 1 or more. @default 1,000 */
  readonly windowSamples?: number;
  /** What the weight of a sample is multiplied by with each later one; above 0, below 1. @default 0.999 */
  readonly fadingFactor?: number;
  /** Bins of the calibration error, 1 or more. @default 10 */
  readonly calibrationBins?: number;
}

/** A specification with every default filled in. */
export interface CompleteEvaluationSpec {
  readonly windowSamples: number;
  readonly fadingFactor: number;
  readonly calibrationBins: number;
}

/**
 * Checks the numbers of a specification and fills in what is missing.
 * @throws LearnOptionError for one that is out of its range
 */
export function completeEvaluationSpec(spec: EvaluationSpec): CompleteEvaluationSpec {
  const { windowSamples = 1_000, fadingFactor = 0.999, calibrationBins = 10 } = spec;
  if (spec.target.kind === "classes") checkWhole("target.count", spec.target.count, 2);
  checkWhole("windowSamples", windowSamples, 1);
  checkWhole("calibrationBins", calibrationBins, 1);
  if (!(fadingFactor > 0 && fadingFactor < 1)) {
    throw new LearnOptionError("fadingFactor", fadingFactor, "above 0 and below 1");
  }
  return { windowSamples, fadingFactor, calibrationBins };
}

function checkWhole(option: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new LearnOptionError(option, value, `a whole number of ${least} or more`);
  }
}
