import type { Sample } from "@everfresh/core";

/** A sample that was a broken row. */
export interface ReplayedSample {
  /** Number of the row in its quarantine. */
  readonly row: number;
  readonly sample: Sample;
}

/**
 * Samples that were broken rows of a source, on their way into its stream. Each gets a place there once,
 * and keeps it: so every reading has it at the same position.
 */
export interface ReplayedSamples extends Disposable {
  /** Stores samples, all or none; those whose ids are there already are left out. */
  add(samples: readonly ReplayedSample[]): void;
  /** Which row the sample of this id was; null when none of this id was ever added. */
  rowOf(id: string): number | null;
  /** How many have no place yet. */
  waiting(): number;
  /** How many have places below a position. */
  placedBelow(position: number): number;
  /** The sample whose place is this position; null when it is that of another of the stream. */
  at(position: number): Sample | null;
  /** Gives this position to the one that has waited longest; null when none waits. */
  place(position: number): Sample | null;
  /** Forgets the features of those below a position: they are in a history. */
  release(to: number): void;
  /** Erases a sample; its place, where it has one, stays. Says whether there was something. */
  erase(id: string): boolean;
}
