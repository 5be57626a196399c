import type { Sample, SampleSchema } from "@everfresh/core";
import type { Following } from "./following.ts";
import type { Quarantine, QuarantinedRow } from "../quarantine/quarantine.ts";
import type { RowCheck } from "../quarantine/replay.ts";
import type { RowFault } from "../tables/row-fault.ts";
import type { ReadOptions } from "./read-options.ts";

export type { ReadOptions };

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
   * How samples and labels come where labels come by themselves; then {@link read} has nothing to give,
   * and {@link release} is told of places. Absent where every sample has its label.
   */
  readonly following?: Following;
  /**
   * To be told once the samples below a position are safe in a history: a source that keeps samples
   * forgets them, and has room for others. Absent where nothing is kept.
   */
  release?(to: number): Promise<void>;
  /** Where rows wait that are no samples; absent where such a row is an error, or there are none. */
  readonly quarantine?: Quarantine | undefined;
  /** The field of such rows that has the id; absent where there is none. */
  readonly idField?: string;
  /** What a row that its quarantine keeps is by now; absent where {@link replay} finds out. */
  readonly check?: RowCheck;
  /**
   * Takes rows of its quarantine, as they should have been, as new samples or labels: says of each what
   * is still wrong with it, null where it was taken or had been before. Resolves them no more than it
   * erases them. Absent where rows are not taken again.
   */
  replay?(rows: readonly QuarantinedRow[]): Promise<readonly (RowFault | null)[]>;
  /** Erases what it keeps of a sample and its label; says whether there was something. */
  erase?(id: string): Promise<boolean>;
}

/** Closes what a source has opened, where that is anything: it is then read no more. */
export async function closeSource(source: Source | (Source & AsyncDisposable)): Promise<void> {
  if (Symbol.asyncDispose in source) await source[Symbol.asyncDispose]();
}
