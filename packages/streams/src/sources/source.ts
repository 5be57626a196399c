import type { Sample, SampleSchema } from "@everfresh/core";

/** Options of {@link Source.read}. */
export interface ReadOptions {
  /** How many samples to skip: reading goes on where a reader stopped. @default 0 */
  readonly from?: number;
  /** Ends the iteration: the pending or next step rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Where samples come from, in their order of arrival. A source is replayable: every reading gives
 * the same samples at the same positions, so that a killed reader resumes by a number alone.
 */
export interface Source {
  /** What people call it; also the prefix of its samples' ids. */
  readonly name: string;
  /** What every sample looks like. */
  readonly schema: SampleSchema;
  /** Number of samples in all; null when there is no end. */
  readonly size: number | null;
  /**
   * Reads the samples from a position on; readings do not disturb one another.
   * @throws RangeError when `from` is not a whole number of 0 or more
   */
  read(options?: ReadOptions): AsyncIterable<Sample>;
  /**
   * To be told once the samples below a position are safe in a history: a source that keeps samples
   * forgets them, and has room for others. Absent where nothing is kept.
   */
  release?(to: number): Promise<void>;
}
