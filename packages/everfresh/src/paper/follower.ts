import type { ModelState } from "@everfresh/core";
import type { RowSpec } from "./row-spec.ts";
import type { UpdateAccount } from "./update-account.ts";

/** A state that follows the trained one from step to step, and is tested beside it. */
export interface Follower {
  readonly row: Extract<RowSpec, { kind: "weights" | "average" }>;
  /** In shared memory; changed by {@link follow} only. */
  readonly state: ModelState;
  /** What its updates carry; null for a state that is not sent. */
  readonly updates: UpdateAccount | null;
  /** Seconds that choosing entries and estimating statistics have taken. */
  readonly selectSeconds: number;
  /** Seconds that writing updates down has taken. */
  readonly encodeSeconds: number;
  /**
   * Follows the trained state after a step.
   * @param samples of the history that have been learned from
   */
  follow(trained: ModelState, samples: number): Promise<void>;
  /**
   * Its weights with statistics of BatchNormalization that are estimated for them now; null without
   * such statistics. It does not change.
   * @param samples of the history that have been learned from
   */
  recalibrated(samples: number): Promise<ModelState | null>;
}
