import type { DriftActionRecord } from "@everfresh/core";
import type { Iteration } from "../strategies/iteration.ts";
import type { RecordedStrategy } from "../strategies/recorded-strategy.ts";

/** What an iteration of training goes by, written down before it is performed. */
export interface JournalEntry {
  /** Number of the iteration; the first one of a run is 1. */
  readonly step: number;
  /** Version that is deployed before it. */
  readonly version: number;
  /** What is trained on, and why. */
  readonly iteration: Iteration;
  /** When that was decided, in milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** Samples of the history that had been tested when it was decided, */
  readonly tested: number;
  /** and those that had been when the iteration before it ended. */
  readonly testedBefore: number;
  /** Turns that drift had been watched in; absent where nobody watches. */
  readonly watched?: number;
  /** What was done about verdicts on drift since the iteration, or the checkpoint, before. */
  readonly actions?: readonly RecordedAction[];
  /** Where the strategy was once it had decided. */
  readonly strategy: RecordedStrategy;
}

/** What was done about a verdict on drift. */
export interface RecordedAction {
  /** Number of the report that it followed, among those since the iteration or checkpoint before. */
  readonly report: number;
  readonly action: DriftActionRecord;
}

/**
 * What is needed to train again, to the same bits, as was trained since the last checkpoint: no clock,
 * no sampler and no trigger is asked a second time.
 */
export interface Journal {
  /**
   * Makes an entry durable before it resolves; their steps ascend.
   * @throws JournalWriteError when the disk or another program does not let it
   */
  append(entry: JournalEntry): Promise<void>;
  /**
   * The entries of the steps after `step`, in their order.
   * @throws JournalUnreadableError when they cannot be read
   */
  after(step: number): Promise<readonly JournalEntry[]>;
  /** Forgets the entries up to and with `step`: there is a checkpoint that was made after it. */
  forgetTo(step: number): Promise<void>;
  /** Forgets the entries after `step`: what they decided will not happen. */
  forgetAfter(step: number): Promise<void>;
}
