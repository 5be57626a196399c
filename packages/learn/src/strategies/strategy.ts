import type { DriftActionRecord, RandomPosition } from "@everfresh/core";
import type { ResponseState } from "../drift/response/response.ts";
import type { BudgetCheckpoint } from "../triggers/budget.ts";
import type { IntakeCounters } from "../triggers/overload.ts";
import type { TrainingBeganEvent, TriggerCheckpoint, TriggerEvent } from "../triggers/trigger.ts";
import type { Iteration } from "./iteration.ts";
import type { StrategySpec } from "./strategy-spec.ts";

/** What a strategy is told. That training began it knows by itself. */
export type StrategyEvent = Exclude<TriggerEvent, TrainingBeganEvent>;

/** Whether an iteration is due. */
export interface StrategyDecision {
  readonly isDue: boolean;
  /**
   * When to ask again though nothing has happened, in milliseconds; null when only an event can make
   * one due; 0 when one is due now.
   */
  readonly waitMs: number | null;
  /** For people: what decided, with its numbers. */
  readonly why: string;
  /** Whether the iteration that is due is a retraining, which may take long. @default false */
  readonly isRetraining?: boolean;
}

/**
 * Decides what to train on and when. It touches neither model nor samples: the caller stores arriving
 * samples in the history, tells of them, performs what {@link next} answers, and tells that it ended:
 *
 *   history.append → on(arrived) → next() → iteration → perform → on(ended) → next() → …
 */
export interface Strategy {
  readonly spec: StrategySpec;
  /** Samples of the history that it knows of: those there at its start, and those that arrived. */
  readonly samples: number;
  /** Of these, the ones that iterations have taken up or that were there at its start. */
  readonly past: number;
  /** Iterations begun. */
  readonly iterations: number;
  /** How many more samples may arrive before the next iteration; at 0 the source has to wait. */
  readonly room: number;
  /** Whether an iteration has begun that has not ended. */
  readonly isRunning: boolean;
  /**
   * What it has made of the last verdict on drift that led to something; another object for every
   * decision, without versions; null before, and in a strategy that makes nothing of them.
   */
  readonly action: DriftActionRecord | null;
  /**
   * Takes an event in. Samples that have `arrived` are in the history already, at the next positions,
   * and are no more than there is {@link room} for; `ended` follows every iteration, also one that was
   * performed again after a restart.
   */
  on(event: StrategyEvent): void;
  /**
   * Whether an iteration is due; changes nothing.
   * @param atEnd whether the stream is over: then fewer new samples are enough for a step
   */
  decide(atEnd?: boolean): StrategyDecision;
  /**
   * Begins the next iteration; null when none is due. It counts as begun from then on.
   * @param atEnd as of {@link decide}
   */
  next(atEnd?: boolean): Promise<Iteration | null>;
  /** Counts of what has arrived and what became of it; null where samples never wait. */
  counters(): IntakeCounters | null;
  /** All that later decisions depend on. */
  checkpoint(): StrategyCheckpoint;
  /**
   * Goes back to a checkpoint; before anything else is asked. What has arrived since then has to
   * arrive again.
   * @throws ResumeMismatchError, SamplerCheckpointError when it is that of another strategy
   */
  restore(checkpoint: StrategyCheckpoint): void;
}

/** Where a strategy is: plain data, and the bytes of the sampler. */
export interface StrategyCheckpoint {
  readonly kind: StrategySpec["kind"];
  readonly samples: number;
  readonly past: number;
  readonly iterations: number;
  readonly isRunning: boolean;
  /** Where the random numbers are. */
  readonly random: RandomPosition;
  /** Null for a sampler that has no checkpoint. */
  readonly sampler: Uint8Array | null;
  /** Null where no trigger beside the count of waiting samples was given. */
  readonly trigger: TriggerCheckpoint | null;
  readonly budget: BudgetCheckpoint;
  readonly intake: IntakeCounters | null;
  /** What verdicts on drift have led to; absent in a strategy that makes nothing of them. */
  readonly response?: ResponseCheckpoint;
}

/** What verdicts on drift have led to, and how far that has come. */
export interface ResponseCheckpoint {
  readonly state: ResponseState;
  /** Nothing below this position is drawn. */
  readonly drawnFrom: number;
  /** New samples per step. */
  readonly triggerSize: number;
}
