import type { RandomPosition } from "@everfresh/core";

/** Picks the history part of a batch. */
export interface Sampler {
  /**
   * Distinct positions of past samples to train on again, as many as `count` but at most `limit`.
   * @param count how many are wanted; 0 or more
   * @param limit how many past samples there are; positions are from 0 (the oldest) to `limit` − 1
   */
  draw(count: number, limit: number): readonly number[];
  /** Where the random numbers are: a sampler made from this position goes on with the same draws. */
  readonly position: RandomPosition;
}
