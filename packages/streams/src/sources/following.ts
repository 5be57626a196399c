import type { Sample } from "@everfresh/core";
import type { LabelJoinOptions, LabelStats } from "../labels/label-join.ts";
import type { ReadOptions } from "./read-options.ts";

/** A sample of which everything but the label is known. */
export type UnlabelledSample = Omit<Sample, "label">;

/** What came: a sample, or the label of one that came before it. Once for each sample. */
export type Arrival =
  | {
      readonly kind: "sample";
      /** Its place among all arrivals, from 0; ascending, not every place is taken. */
      readonly place: number;
      /** When it came, in milliseconds since the Unix epoch. */
      readonly atMs: number;
      readonly sample: UnlabelledSample;
    }
  | {
      readonly kind: "label";
      readonly place: number;
      readonly atMs: number;
      readonly id: string;
      readonly label: number;
    };

/** What became of labels before they were read. */
export type FollowingCounts = Pick<
  LabelStats,
  "early" | "earlyExpired" | "duplicateLabels" | "conflicts"
>;

/** How samples and labels come where labels come by themselves, in one order. */
export interface Following {
  /**
   * Reads from a place on what came, and waits for what comes; what was released is not there.
   * @throws RangeError when `from` is not a whole number of 0 or more
   */
  read(options?: ReadOptions): AsyncIterable<Arrival>;
  /** How long, and how many, predictions are to wait for labels. */
  readonly limits: Pick<LabelJoinOptions, "expireAfterMs" | "pendingMax">;
  /** The counts so far. */
  counts(): FollowingCounts;
}
