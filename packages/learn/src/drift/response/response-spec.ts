import type { DriftActionRecord } from "@everfresh/core";
import { LearnOptionError } from "../../errors.ts";

/** Goes on as if nothing had happened. */
export interface NothingActionSpec {
  readonly kind: "nothing";
}

/** Goes on, but says so in the record. */
export interface WarnActionSpec {
  readonly kind: "warn";
}

/** Raises the share of new samples in a batch. */
export interface NewDataActionSpec {
  readonly kind: "newData";
  /** New samples per step, t, meanwhile: from 1 to the batch size. */
  readonly triggerSize: number;
  /** Samples until t is what it was; 1 or more. @default 1,000 */
  readonly forSamples?: number;
}

/** Draws only samples that came since the estimated change, by the strategy's own sampler. */
export interface WindowActionSpec {
  readonly kind: "window";
  /** Of the newest so many are drawn in any case; 0 or more. @default 1,000 */
  readonly samplesMin?: number;
  /** Samples until all of the history is drawn from again; 1 or more. @default until the next change */
  readonly forSamples?: number;
}

/**
 * Starts the optimizer anew before the next step: its moments are those of no step, and the schedule of
 * its learning rate begins again with its rise.
 */
export interface RewarmActionSpec {
  readonly kind: "rewarm";
}

/** Trains on chosen data at once, and from then on draws only samples that came since the change. */
export interface RetrainActionSpec {
  readonly kind: "retrain";
  /** Optimizer steps: 1 or more. */
  readonly steps: number;
  /** From where training is, or from the initial state with a fresh optimizer. @default "warm" */
  readonly start?: "cold" | "warm";
  /** Waits until so many samples have come since the change; 1 or more. @default 500 */
  readonly samplesMin?: number;
  /** Only samples of these classes, by their numbers. @default all */
  readonly classes?: readonly number[];
}

/**
 * Brings back the last version from before the change: only a run with a log of versions can, the
 * strategy does no more than ask.
 */
export interface RollBackActionSpec {
  readonly kind: "rollBack";
}

/** What to do about a verdict, as plain data. */
export type DriftActionSpec =
  | NothingActionSpec
  | WarnActionSpec
  | NewDataActionSpec
  | WindowActionSpec
  | RewarmActionSpec
  | RetrainActionSpec
  | RollBackActionSpec;

/** What a strategy does about verdicts on drift, as plain data. */
export interface DriftResponse {
  /** About a warning, or a drift that labels have not confirmed yet. @default warn */
  readonly onWarning?: DriftActionSpec;
  /** About a drift that labels have confirmed. @default window */
  readonly onDrift?: DriftActionSpec;
  /**
   * Whether a drift that only label-free signals see counts as one at once; what it led to is undone
   * where labels come to say otherwise. @default false
   */
  readonly actsUnconfirmed?: boolean;
}

/** The newest samples that a window has in any case: enough to go on learning from at once. */
export const WINDOW_SAMPLES_MIN = 1_000;
/** Samples since a change that a retraining waits for. */
export const RETRAIN_SAMPLES_MIN = 500;
/** Samples for which more of them are new. */
export const NEW_DATA_SAMPLES = 1_000;

const CHECKS: {
  readonly [K in DriftActionSpec["kind"]]: (
    spec: Extract<DriftActionSpec, { kind: K }>,
    batchSize: number,
  ) => void;
} = {
  nothing: () => undefined,
  warn: () => undefined,
  newData: ({ triggerSize, forSamples }, batchSize) => {
    checkWhole("triggerSize of newData", triggerSize, [1, batchSize]);
    checkWhole("forSamples of newData", forSamples, [1]);
  },
  window: ({ samplesMin, forSamples }) => {
    checkWhole("samplesMin of window", samplesMin, [0]);
    checkWhole("forSamples of window", forSamples, [1]);
  },
  rewarm: () => undefined,
  retrain: ({ steps, samplesMin, classes }) => {
    checkWhole("steps of retrain", steps, [1]);
    checkWhole("samplesMin of retrain", samplesMin, [1]);
    if (classes?.length === 0) {
      throw new LearnOptionError("classes of retrain", "none", "one or more, or absent for all");
    }
    for (const each of classes ?? []) checkWhole("classes of retrain", each, [0]);
  },
  rollBack: () => undefined,
};

/**
 * Checks the numbers of a response.
 * @param batchSize of the strategy
 * @throws LearnOptionError for one that is out of its range
 */
export function checkDriftResponse(
  { onWarning, onDrift }: DriftResponse,
  { batchSize, triggerSize }: { readonly batchSize: number; readonly triggerSize: number },
): void {
  for (const action of [onWarning, onDrift]) {
    if (action === undefined) continue;
    const check = CHECKS[action.kind] as (spec: DriftActionSpec, batchSize: number) => void;
    check(action, batchSize);
    if (action.kind === "newData" && triggerSize === 0) {
      throw new LearnOptionError("newData", triggerSize, "absent where triggerSize is 0");
    }
  }
}

/** Whether a response may change the optimizer or the state beyond single steps. */
export function needsRestore({ onWarning, onDrift }: DriftResponse): boolean {
  return [onWarning, onDrift].some((action) => ["rewarm", "retrain"].includes(action?.kind ?? ""));
}

/** Whether a response may start from the initial state. */
export function startsCold({ onWarning, onDrift }: DriftResponse): boolean {
  return [onWarning, onDrift].some(
    (action) => action?.kind === "retrain" && action.start === "cold",
  );
}

function checkWhole(
  option: string,
  value: number | undefined,
  [least, most = Number.MAX_SAFE_INTEGER]: readonly [number, number?],
): void {
  if (value === undefined) return;
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const upTo = most === Number.MAX_SAFE_INTEGER ? " or more" : ` to ${most}`;
  throw new LearnOptionError(option, value, `a whole number of ${least}${upTo}`);
}

/** Actions after which training goes on otherwise than before. */
export const ACTS_ON_TRAINING: ReadonlySet<DriftActionRecord["kind"]> = new Set([
  ...(["newData", "window", "rewarm", "retrain"] as const),
]);
