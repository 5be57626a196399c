import type { RandomPosition } from "@everfresh/core";
import type { PositionRange } from "../samplers/excluding.ts";

/**
 * What to train on: everything that the result depends on beside the state, the optimizer and the
 * samples of the history, as plain data. So it can be stored before it is performed, and performed
 * again to the same bits without clock, sampler or trigger.
 */
export type Iteration = StepIteration | RetrainingIteration;

/** What every iteration says about the samples that have arrived since the last one. */
interface Taken {
  /** Samples of the history that the iterations before have taken up. */
  readonly past: number;
  /** So many after them go straight to history: they may be drawn, but were never new. */
  readonly skipped: number;
  /** So many after those are the new ones. */
  readonly fresh: number;
  /** For people: what decided, with its numbers. */
  readonly why: string;
}

/** One optimizer step. */
export interface StepIteration extends Taken {
  readonly kind: "step";
  /** Positions in the history of the samples of the batch, new ones first. */
  readonly positions: readonly number[];
  /** Whether the optimizer begins anew with this step. @default false */
  readonly isRewarmed?: boolean;
}

/** Some epochs over a part of the history, or all of it. */
export interface RetrainingIteration extends Taken {
  readonly kind: "retraining";
  /** The samples, in ascending ranges that do not touch. */
  readonly samples: readonly PositionRange[];
  /** From the initial state with a fresh optimizer, or from where training is. */
  readonly start: "cold" | "warm";
  readonly epochs: number;
  readonly batchSize: number;
  /** It ends after so many steps, if that is sooner. @default after its epochs */
  readonly stepsMax?: number;
  /** Where the random numbers begin that shuffle every epoch. */
  readonly order: RandomPosition;
}

/** Samples of the history that have been taken up once an iteration is done. */
export function samplesAfter({ past, skipped, fresh }: Iteration): number {
  return past + skipped + fresh;
}

/** Optimizer steps that an iteration takes. */
export function stepsOf(iteration: Iteration): number {
  if (iteration.kind === "step") return 1;
  const { samples, epochs, batchSize, stepsMax = Infinity } = iteration;
  return Math.min(stepsMax, epochs * Math.ceil(countOf(samples) / batchSize));
}

/** Samples in ranges that do not touch. */
export function countOf(ranges: readonly PositionRange[]): number {
  return ranges.reduce((count, { from, to }) => count + to - from, 0);
}
