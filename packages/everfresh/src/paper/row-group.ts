import type { Experiment } from "./experiment.ts";
import {
  type AverageRow,
  type ContinuedRow,
  type ProactiveRow,
  rowName,
  type RowSpec,
  type WeightsRow,
} from "./row-spec.ts";
import { FOLLOWER_WORK } from "./stream-run.ts";

/** Rows that come from one run over the stream. */
export type RowGroup = SingleGroup | FollowedGroup;

/** A row by itself. */
export interface SingleGroup {
  readonly kind: "single";
  readonly row: Exclude<RowSpec, ContinuedRow | FollowerRow>;
}

/** A row whose state others can follow: of the smallest trigger size, or with an optimizer of its own. */
export type FollowedRow = ProactiveRow | ContinuedRow;

/** A row that follows another one's state. */
export type FollowerRow = WeightsRow | AverageRow;

/** A trained state, and the rows that follow it. */
export interface FollowedGroup {
  readonly kind: "followed";
  readonly trained: FollowedRow;
  /** Whether the row of the trained state itself is wanted. */
  readonly withTrained: boolean;
  readonly followers: readonly FollowerRow[];
}

/** Groups in the order of their first rows. */
export function groupsOf(rows: readonly RowSpec[], experiment: Experiment): readonly RowGroup[] {
  const triggerSize = Math.min(...experiment.triggerSizes);
  const smallest: ProactiveRow = { kind: "proactive", triggerSize };
  const followed = (trained: FollowedRow): FollowedGroup => {
    const name = rowName(trained);
    const withTrained = rows.some((row) => rowName(row) === name);
    const followers = rows.filter(isFollower).filter(({ of = smallest }) => rowName(of) === name);
    return { kind: "followed", trained, withTrained, followers };
  };
  const groups = new Map<string, RowGroup>();
  for (const row of rows) {
    const trained = isFollower(row) ? (row.of ?? smallest) : row;
    const name = rowName(trained);
    if (groups.has(name)) continue;
    const isFollowed =
      trained.kind === "continued" ||
      (trained.kind === "proactive" && trained.triggerSize === triggerSize);
    groups.set(name, isFollowed ? followed(trained) : { kind: "single", row: trained });
  }
  return [...groups.values()];
}

function isFollower(row: RowSpec): row is FollowerRow {
  return row.kind === "weights" || row.kind === "average";
}

/** Samples of the stream from one step of a row to the next. */
export function everyOf(row: FollowedRow, { triggerSizes, batchSize }: Experiment): number {
  if (row.kind === "proactive") return row.triggerSize;
  return row.strategy === "online" ? batchSize : Math.min(...triggerSizes);
}

/** What a group takes, in units of one step: enough to tell how much time is left. */
export function workOf(group: RowGroup, experiment: Experiment): number {
  const { streamSamples, initialSamples, retrainingEvery, batchSize, epochs } = experiment;
  const steps = (every: number): number => Math.ceil(streamSamples / every);
  if (group.kind === "followed") {
    return steps(everyOf(group.trained, experiment)) * (1 + FOLLOWER_WORK * group.followers.length);
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
