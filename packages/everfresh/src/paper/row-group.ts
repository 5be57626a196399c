import type { Experiment } from "./experiment.ts";
import type { AverageRow, RowSpec, WeightsRow } from "./row-spec.ts";
import { FOLLOWER_WORK } from "./stream-run.ts";

/** Rows that come from one run over the stream. */
export type RowGroup = SingleGroup | FollowedGroup;

/** A row by itself. */
export interface SingleGroup {
  readonly kind: "single";
  readonly row: Exclude<RowSpec, WeightsRow | AverageRow>;
}

/** The smallest trigger size, and the rows that follow its state. */
export interface FollowedGroup {
  readonly kind: "followed";
  readonly triggerSize: number;
  /** Whether the row of the trained state itself is wanted. */
  readonly withTrained: boolean;
  readonly followers: readonly (WeightsRow | AverageRow)[];
}

/** Groups in the order of their first rows. */
export function groupsOf(rows: readonly RowSpec[], experiment: Experiment): readonly RowGroup[] {
  const triggerSize = Math.min(...experiment.triggerSizes);
  const followers = rows.filter((row) => row.kind === "weights" || row.kind === "average");
  const isTrained = (row: RowSpec): boolean =>
    row.kind === "proactive" && row.triggerSize === triggerSize;
  const followed: FollowedGroup = {
    kind: "followed",
    triggerSize,
    withTrained: rows.some(isTrained),
    followers,
  };
  const groups: RowGroup[] = [];
  for (const row of rows) {
    if (row.kind === "weights" || row.kind === "average" || isTrained(row)) {
      if (!groups.includes(followed)) groups.push(followed);
    } else {
      groups.push({ kind: "single", row });
    }
  }
  return groups;
}

/** What a group takes, in units of one step: enough to tell how much time is left. */
export function workOf(group: RowGroup, experiment: Experiment): number {
  const { streamSamples, initialSamples, retrainingEvery, batchSize, epochs } = experiment;
  const steps = (every: number): number => Math.ceil(streamSamples / every);
  if (group.kind === "followed") {
    return steps(group.triggerSize) * (1 + FOLLOWER_WORK * group.followers.length);
  }
  const { row } = group;
  switch (row.kind) {
    case "frozen":
      return 0;
    case "online":
      return steps(batchSize);
    case "proactive":
      return steps(row.triggerSize);
    case "gradients":
      return steps(Math.min(...experiment.triggerSizes));
    case "fullRetraining": {
      const everything = initialSamples + streamSamples;
      if (row.on === "everything") return epochs * Math.ceil(everything / batchSize);
      let sum = 0;
      for (let i = 1; i * retrainingEvery < streamSamples; i++) {
        sum += epochs * Math.ceil((initialSamples + i * retrainingEvery) / batchSize);
      }
      return sum;
    }
    default:
      return row satisfies never;
  }
}
