import type { LabelStats } from "@everfresh/streams";

/** How long to wait for samples, and how many may come. */
export interface Wanted {
  /** So many are worth waking up for; 1 or more. */
  readonly least: number;
  /** So many have a place, 1 or more. */
  readonly most: number;
  /** Wakes up after so many milliseconds, too; null: only for samples, or the end of them. */
  readonly waitMs: number | null;
}

/** How samples were answered. */
export interface Tested {
  /** Samples that were scored. */
  readonly count: number;
  /** Right answers of the trained state among theirs. */
  readonly right: number;
}

/**
 * How samples come into the history: in order, each with its label, and with what was predicted for it
 * when it came.
 *
 *   labels come along:  source ──► history ──► predicted now, and scored
 *   labels come late:   source ──► predicted now ──► kept until the label comes ──► history, scored
 *   (those of the source, so many samples later; or by themselves, from somebody else)
 */
export interface Arrivals {
  /**
   * Waits for samples as it is `wanted`, and stores in the history those that have their labels.
   * @throws what source, history and stores throw
   */
  receive(wanted: Wanted): Promise<void>;
  /** Whether everything that will ever come is in the history. */
  readonly isOver: boolean;
  /** Samples that have come and that nothing was done with yet. */
  readonly waiting: number;
  /** When the sample at this position of the history came, on the monotonic clock; null if unknown. */
  cameAtMs(position: number): number | null;
  /**
   * Scores the samples of the history from position `from` up to but without `to`, a few hundred, by
   * what was, or is now, predicted for them: all or none. Those that were erased are left out.
   */
  test(from: number, to: number): Promise<Tested>;
  /**
   * Lets drift be watched in what came before the process began and after the checkpoint: the turns
   * below `to`, or all of them. What comes later is watched as it comes.
   */
  watch(to: number): Promise<void>;
  /** What a checkpoint lets go of: so many turns that are kept to be watched again after a crash. */
  readonly kept: number;
  /** Position in the history of the sample of this number, once its label is there. */
  positionOf(sequence: number): number;
  /** There is a checkpoint of now, which knows the scores of the samples below `to`. */
  tested(to: number): Promise<void>;
  /** What has happened to labels; null where they come along. */
  labels(): LabelStats | null;
}
