import { LearnOptionError } from "../errors.ts";

/** At most so many seconds of training in any hour. */
export interface TrainingSecondsPerHourSpec {
  readonly kind: "trainingSecondsPerHour";
  /** Above 0, at most 3,600. */
  readonly seconds: number;
}

/** At most so many steps per second in the long run. */
export interface StepsPerSecondSpec {
  readonly kind: "stepsPerSecond";
  /** Above 0. */
  readonly rate: number;
  /** Steps that may follow at once after a rest; 1 or more. @default 1 */
  readonly burst?: number;
}

/** So much time from the beginning of a step to that of the next, at least. */
export interface EveryMsSpec {
  readonly kind: "everyMs";
  /** Above 0. */
  readonly ms: number;
}

/** A bound on training, as plain data. */
export type BudgetSpec = TrainingSecondsPerHourSpec | StepsPerSecondSpec | EveryMsSpec;

const CHECKS: {
  readonly [K in BudgetSpec["kind"]]: (spec: Extract<BudgetSpec, { kind: K }>) => void;
} = {
  trainingSecondsPerHour: ({ seconds }) => {
    if (!(seconds > 0 && seconds <= 3_600)) {
      throw new LearnOptionError("trainingSecondsPerHour", seconds, "above 0 and at most 3600");
    }
  },
  stepsPerSecond: ({ rate, burst = 1 }) => {
    checkPositive("stepsPerSecond", rate);
    if (!Number.isSafeInteger(burst) || burst < 1) {
      throw new LearnOptionError("burst", burst, "a whole number of 1 or more");
    }
  },
  everyMs: ({ ms }) => checkPositive("everyMs", ms),
};

/**
 * Checks the numbers of a budget.
 * @throws LearnOptionError for one that is out of its range
 */
export function checkBudgetSpec(spec: BudgetSpec): void {
  const check = CHECKS[spec.kind] as (spec: BudgetSpec) => void;
  check(spec);
}

function checkPositive(option: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) {
    throw new LearnOptionError(option, value, "a finite number above 0");
  }
}
