/**
 * Learning rates that change during training, as plain data. The rate is a function of the number of
 * steps that the optimizer has taken and of nothing else, so a restored optimizer goes on with the
 * rate that it would have had.
 */
export type Schedule =
  | ConstantSchedule
  | StepSchedule
  | CosineSchedule
  | InverseSquareRootSchedule
  | WarmUpSchedule
  | RewarmUpSchedule;

/** One rate for ever. */
export interface ConstantSchedule {
  readonly kind: "constant";
  /** Step size, above 0. */
  readonly learningRate: number;
}

/** A rate that falls at regular intervals, as `torch.optim.lr_scheduler.StepLR`. */
export interface StepSchedule {
  readonly kind: "step";
  /** Step size at the start, above 0. */
  readonly learningRate: number;
  /** Steps from one fall to the next, a whole number of 1 or more. */
  readonly every: number;
  /** What the rate is multiplied by each time, above 0. @default 0.1 */
  readonly factor?: number;
}

/**
 * A rate that falls along half a wave of a cosine (Loshchilov and Hutter, 2017), after a linear rise
 * if asked, and then stays low: `CosineAnnealingLR` of torch up to its end.
 */
export interface CosineSchedule {
  readonly kind: "cosine";
  /** The highest step size, above 0. */
  readonly learningRate: number;
  /** Steps of the fall, a whole number of 1 or more; those of the rise come before. */
  readonly steps: number;
  /** The rate after the fall, 0 or more. @default 0 */
  readonly minimum?: number;
  /** Steps of the rise, a whole number. @default 0 */
  readonly warmUpSteps?: number;
  /** Share of `learningRate` that the rise begins with, from 0 to 1. @default 1 / warmUpSteps */
  readonly warmUpFactor?: number;
}

/**
 * A rate that falls as the inverse square root of the steps and never ends, for streams that do not
 * either, after a linear rise if asked: with `steps` = `warmUpSteps` that of Vaswani et al. (2017).
 */
export interface InverseSquareRootSchedule {
  readonly kind: "inverseSquareRoot";
  /** The highest step size, above 0. */
  readonly learningRate: number;
  /**
   * A third of the steps in which the rate falls to a half, a whole number of 1 or more; those of the
   * rise come before.
   */
  readonly steps: number;
  /** Steps of the rise, a whole number. @default 0 */
  readonly warmUpSteps?: number;
  /** Share of `learningRate` that the rise begins with, from 0 to 1. @default 1 / warmUpSteps */
  readonly warmUpFactor?: number;
}

/** A rate that rises linearly and then stays, as `torch.optim.lr_scheduler.LinearLR`. */
export interface WarmUpSchedule {
  readonly kind: "warmUp";
  /** Step size after the rise, above 0. */
  readonly learningRate: number;
  /** Steps of the rise, a whole number of 1 or more. */
  readonly warmUpSteps: number;
  /** Share of `learningRate` that the rise begins with, from 0 to 1. @default 1 / warmUpSteps */
  readonly warmUpFactor?: number;
}

/**
 * A schedule that begins anew at given steps: re-warm-up (and re-decay) for a model that goes on from
 * trained weights with new data (Ibrahim et al., 2024). Over a cosine, warm restarts.
 */
export interface RewarmUpSchedule {
  readonly kind: "rewarmUp";
  readonly schedule: Exclude<Schedule, RewarmUpSchedule>;
  /** Numbers of steps taken after which `schedule` begins anew, whole and ascending. */
  readonly at: readonly number[];
}

interface Rule<S extends Schedule> {
  /** @throws RangeError when no rate follows from the schedule */
  check(schedule: S): void;
  /** The rate of the step that comes after `step` steps. */
  rate(schedule: S, step: number): number;
}

const SCHEDULES: { readonly [K in Schedule["kind"]]: Rule<Extract<Schedule, { kind: K }>> } = {
  constant: {
    check: ({ learningRate }) => positive("learningRate", learningRate),
    rate: ({ learningRate }) => learningRate,
  },
  // lr · factor ^ ⌊t / every⌋
  step: {
    check: ({ learningRate, every, factor = 0.1 }) => {
      positive("learningRate", learningRate);
      positive("factor", factor);
      whole("every", every, 1);
    },
    rate: ({ learningRate, every, factor = 0.1 }, step) =>
      learningRate * factor ** Math.floor(step / every),
  },
  cosine: {
    check: ({ learningRate, steps, minimum = 0, warmUpSteps = 0, warmUpFactor = 1 }) => {
      positive("learningRate", learningRate);
      whole("steps", steps, 1);
      within("minimum", minimum, learningRate);
      whole("warmUpSteps", warmUpSteps, 0);
      within("warmUpFactor", warmUpFactor, 1);
    },
    rate: cosineRate,
  },
  inverseSquareRoot: {
    check: ({ learningRate, steps, warmUpSteps = 0, warmUpFactor = 1 }) => {
      positive("learningRate", learningRate);
      whole("steps", steps, 1);
      whole("warmUpSteps", warmUpSteps, 0);
      within("warmUpFactor", warmUpFactor, 1);
    },
    rate: inverseSquareRootRate,
  },
  warmUp: {
    check: ({ learningRate, warmUpSteps, warmUpFactor = 1 }) => {
      positive("learningRate", learningRate);
      whole("warmUpSteps", warmUpSteps, 1);
      within("warmUpFactor", warmUpFactor, 1);
    },
    rate: ({ learningRate, warmUpSteps, warmUpFactor = 1 / warmUpSteps }, step) =>
      learningRate * rise(step, warmUpSteps, warmUpFactor),
  },
  rewarmUp: {
    check: ({ schedule, at }) => {
      checkSchedule(schedule);
      at.forEach((start, i) => whole("at", start, (at[i - 1] ?? 0) + 1));
    },
    rate: ({ schedule, at }, step) =>
      learningRateAt(schedule, step - (at.findLast((start) => start <= step) ?? 0)),
  },
};

/** The learning rate of the step that comes after `step` steps. */
export function learningRateAt(learningRate: number | Schedule, step: number): number {
  return typeof learningRate === "number"
    ? learningRate
    : ruleOf(learningRate.kind).rate(learningRate, step);
}

/** @throws RangeError when a number of the schedule is out of its range */
export function checkSchedule(schedule: Schedule): void {
  ruleOf(schedule.kind).check(schedule);
}

function ruleOf<K extends Schedule["kind"]>(kind: K): Rule<Extract<Schedule, { kind: K }>> {
  return SCHEDULES[kind];
}

// t ≤ w: the rise ;  then min + (lr − min) · (1 + cos(π · (t − w) / steps)) / 2
function cosineRate(schedule: CosineSchedule, step: number): number {
  const { learningRate, steps, minimum = 0, warmUpSteps = 0 } = schedule;
  const { warmUpFactor = 1 / warmUpSteps } = schedule;
  if (step < warmUpSteps) return learningRate * rise(step, warmUpSteps, warmUpFactor);
  const done = Math.min(1, (step - warmUpSteps) / steps);
  return minimum + ((learningRate - minimum) * (1 + Math.cos(Math.PI * done))) / 2;
}

// t ≤ w: the rise ;  then lr · √(steps / (steps + t − w))
function inverseSquareRootRate(schedule: InverseSquareRootSchedule, step: number): number {
  const { learningRate, steps, warmUpSteps = 0, warmUpFactor = 1 / warmUpSteps } = schedule;
  if (step < warmUpSteps) return learningRate * rise(step, warmUpSteps, warmUpFactor);
  return learningRate * Math.sqrt(steps / (steps + step - warmUpSteps));
}

// factor + (1 − factor) · min(1, t / steps)
function rise(step: number, steps: number, factor: number): number {
  return factor + (1 - factor) * Math.min(1, step / steps);
}

function positive(name: string, value: number): void {
  if (value > 0 && Number.isFinite(value)) return;
  throw new RangeError(`A schedule needs a ${name} above 0, got ${value}`);
}

function within(name: string, value: number, max: number): void {
  if (value >= 0 && value <= max) return;
  throw new RangeError(`A schedule needs a ${name} from 0 to ${max}, got ${value}`);
}

function whole(name: string, value: number, min: number): void {
  if (Number.isSafeInteger(value) && value >= min) return;
  throw new RangeError(`A schedule needs a whole ${name} of ${min} or more, got ${value}`);
}
