import type { ModelState } from "@everfresh/core";
import type { Costs } from "./cost-account.ts";
import type { Iteration } from "./iteration.ts";
import type { IterationResult } from "./perform.ts";

/** An iteration that was performed. */
export interface PerformedIteration {
  /** Number of the iteration; the first is 1. */
  readonly number: number;
  readonly iteration: Iteration;
  readonly result: IterationResult;
  /** θ after it; not to be written to. */
  readonly theta: ModelState;
}

/**
 * A state that follows θ, and is evaluated beside it: a copy that is deployed by sparse updates, or a
 * mean of θ over time.
 */
export interface Follower {
  /** Different from those of the others of its strategy, and not `theta`. */
  readonly name: string;
  /** Of the layout of θ; changes only in {@link follow}. */
  readonly state: ModelState;
  /** Is called after every iteration, and waited for. Returns what it has cost, if that counts. */
  follow(performed: PerformedIteration): Followed | Promise<Followed>;
}

/** What following has cost; undefined where nobody counts. */
export type Followed = Partial<Costs> | undefined;
