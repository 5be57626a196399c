import { LearnOptionError } from "../errors.ts";

/** Due when so many new samples have arrived. */
export interface ByCountSpec {
  readonly kind: "byCount";
  /** 1 or more. */
  readonly samples: number;
}

/** Due when so much time has passed since training began last, or since the start. */
export interface ByTimeSpec {
  readonly kind: "byTime";
  /** Above 0. */
  readonly everyMs: number;
  /** The clock's time, or that of the samples' events. */
  readonly of: "clock" | "events";
}

/** Due when predictions have become worse. */
export interface ByPerformanceDropSpec {
  readonly kind: "byPerformanceDrop";
  /** Predictions that the score is a mean over; 1 or more. */
  readonly windowSamples: number;
  /** By how much the score must be below the best one; above 0. @default not looked at */
  readonly drop?: number;
  /** A score that is too low whatever the best one was. @default not looked at */
  readonly below?: number;
  /** Compares with the scores since the last training, or with all since the start. */
  readonly since: "training" | "start";
}

/**
 * Due when waiting has cost more than training would: the data incorporation latency, which is the
 * time that new samples have waited in all, against the expected training time.
 */
export interface ByCostSpec {
  readonly kind: "byCost";
  /** Seconds of waiting, over all samples, that one second of training is worth; above 0. */
  readonly sampleSecondsPerTrainingSecond: number;
  /** Expected time of the first training, of 0 or more. @default 0: at once */
  readonly firstTrainingMs?: number;
}

/** Due when a drift detector says so. */
export interface ByDriftVerdictSpec {
  readonly kind: "byDriftVerdict";
  readonly from: "warning" | "drift";
}

/**
 * Due every so many chunks: the static scheduler of Derakhshan et al. (EDBT 2019), whose chunk is a
 * batch of arriving samples.
 */
export interface StaticScheduleSpec {
  readonly kind: "staticSchedule";
  /** 1 or more. */
  readonly everyChunks: number;
  /**
   * Samples that make a chunk, however they arrive; 1 or more.
   * @default what arrives together is one chunk: in a run a single sample, since it tells of each
   */
  readonly chunkSamples?: number;
}

/**
 * Due when T' = S · T · p_r · p_l has passed since the last training: the dynamic scheduler of
 * Derakhshan et al. (EDBT 2019). T is how long that training took, p_r the rate of predictions, p_l
 * the time of one.
 */
export interface DynamicScheduleSpec {
  readonly kind: "dynamicSchedule";
  /** S: 1 to 2 favours training, more favours serving; above 0. */
  readonly slack: number;
  /** Wait before the first training, of 0 or more. @default 0 */
  readonly firstMs?: number;
  /** Bounds of T'. @default 0 */
  readonly leastMs?: number;
  /** @default none */
  readonly mostMs?: number;
  /** How far back the rate of predictions is looked at, about; above 0. @default 60,000 */
  readonly rateMs?: number;
}

/** Due when one is. */
export interface AnySpec {
  readonly kind: "any";
  readonly of: readonly TriggerSpec[];
}

/** Due when all are at once. */
export interface AllSpec {
  readonly kind: "all";
  readonly of: readonly TriggerSpec[];
}

/** Due when so many are at once. */
export interface AtLeastSpec {
  readonly kind: "atLeast";
  /** From 1 to the number of triggers. */
  readonly count: number;
  readonly of: readonly TriggerSpec[];
}

/** When to train, as plain data. */
export type TriggerSpec =
  | ByCountSpec
  | ByTimeSpec
  | ByPerformanceDropSpec
  | ByCostSpec
  | ByDriftVerdictSpec
  | StaticScheduleSpec
  | DynamicScheduleSpec
  | AnySpec
  | AllSpec
  | AtLeastSpec;

const CHECKS: {
  readonly [K in TriggerSpec["kind"]]: (spec: Extract<TriggerSpec, { kind: K }>) => void;
} = {
  byCount: ({ samples }) => checkWhole("samples", samples),
  byTime: ({ everyMs }) => checkNumber("everyMs", everyMs, "above 0"),
  byPerformanceDrop: ({ windowSamples, drop, below }) => {
    checkWhole("windowSamples", windowSamples);
    if (drop === undefined && below === undefined) {
      throw new LearnOptionError("drop", drop, "given where below is not");
    }
    if (drop !== undefined) checkNumber("drop", drop, "above 0");
    if (below !== undefined && !Number.isFinite(below)) {
      throw new LearnOptionError("below", below, "a finite number");
    }
  },
  byCost: ({ sampleSecondsPerTrainingSecond, firstTrainingMs = 0 }) => {
    const option = "sampleSecondsPerTrainingSecond";
    checkNumber(option, sampleSecondsPerTrainingSecond, "above 0");
    checkNumber("firstTrainingMs", firstTrainingMs, "of 0 or more");
  },
  byDriftVerdict: () => undefined,
  staticSchedule: ({ everyChunks, chunkSamples = 1 }) => {
    checkWhole("everyChunks", everyChunks);
    checkWhole("chunkSamples", chunkSamples);
  },
  dynamicSchedule: ({ slack, firstMs = 0, leastMs = 0, mostMs, rateMs = 1 }) => {
    checkNumber("slack", slack, "above 0");
    checkNumber("firstMs", firstMs, "of 0 or more");
    checkNumber("leastMs", leastMs, "of 0 or more");
    checkNumber("rateMs", rateMs, "above 0");
    if (mostMs !== undefined && !(mostMs >= leastMs && Number.isFinite(mostMs))) {
      throw new LearnOptionError("mostMs", mostMs, `a finite number of ${leastMs} or more`);
    }
  },
  any: ({ of }) => checkAll(of, 1),
  all: ({ of }) => checkAll(of, 1),
  atLeast: ({ of, count }) => {
    checkWhole("count", count);
    checkAll(of, count);
  },
};

/**
 * Checks the numbers of a trigger and of those that it is made of.
 * @throws LearnOptionError for one that is out of its range
 */
export function checkTriggerSpec(spec: TriggerSpec): void {
  const check = CHECKS[spec.kind] as (spec: TriggerSpec) => void;
  check(spec);
}

function checkAll(specs: readonly TriggerSpec[], least: number): void {
  if (specs.length < least) {
    throw new LearnOptionError("of", `${specs.length} triggers`, `${least} triggers or more`);
  }
  for (const spec of specs) checkTriggerSpec(spec);
}

function checkWhole(option: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new LearnOptionError(option, value, "a whole number of 1 or more");
  }
}

function checkNumber(option: string, value: number, range: "above 0" | "of 0 or more"): void {
  const isIn = range === "above 0" ? value > 0 : value >= 0;
  if (!isIn || !Number.isFinite(value)) {
    throw new LearnOptionError(option, value, `a finite number ${range}`);
  }
}
