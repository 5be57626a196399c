import type { RandomPosition } from "@everfresh/core";
import type { SampleFacts } from "@everfresh/streams";

/**
 * Where a position of an earlier numbering is now; null when it is no longer among those that may be
 * drawn.
 */
export type Renumbering = (position: number) => number | null;

/** Picks the history part of a batch. */
export interface Sampler {
  /**
   * Distinct positions of past samples to train on again, as many as `count` but at most `limit`,
   * and fewer only where the sampler says so.
   * @param count how many are wanted; 0 or more
   * @param limit how many past samples there are, never fewer than at the draw before; positions are
   *   from 0 (the oldest) to `limit` − 1
   */
  draw(count: number, limit: number): readonly number[];
  /** Where the random numbers are: a sampler made from this position goes on with the same draws. */
  readonly position: RandomPosition;
  /**
   * What a draw is from: the samples before the new ones, or all of them, so that new samples come
   * into a batch only by chance.
   * @default "old"
   */
  readonly reach?: SamplerReach;
  /**
   * Tells what is known about the next positions, from 0 on and without gaps, before a draw whose
   * limit is beyond them. Absent in a sampler that goes by positions alone.
   */
  observe?(facts: readonly SampleFacts[]): void;
  /**
   * All that later draws depend on beside the random numbers and what was observed. Absent in a
   * sampler that has nothing of this kind.
   */
  checkpoint?(): Uint8Array;
  /**
   * Goes back to where a checkpoint was made; before the first draw.
   * @param renumbering from the positions of then to those of now; the same ones by default
   * @throws SamplerCheckpointError when the bytes are damaged or another sampler's
   */
  restore?(checkpoint: Uint8Array, renumbering?: Renumbering): void;
}

/** See {@link Sampler.reach}. */
export type SamplerReach = "old" | "all";

/**
 * Positions that a sampler with an index covers, the newest ones: 24 bytes each, so 100 MB at most.
 */
export const INDEXED_POSITIONS_MAX = 4_194_304;
