import type { Clock } from "@everfresh/core";
import type { LateLabels } from "@everfresh/learn";
import {
  type History,
  openReplayedSamples,
  type ReplayedSamples,
  type Source,
  withReplays,
} from "@everfresh/streams";

/** What a source is opened beside. */
export interface ReplayPlace {
  readonly databaseFile: string;
  readonly history: History;
  /** Null where labels come along. */
  readonly labels: Pick<LateLabels, "join"> | null;
  readonly clock: Pick<Clock, "nowMs">;
}

/** A source, and what is to be closed after it; null where that is nothing. */
export interface OpenedSource {
  readonly source: Source;
  readonly replayed: ReplayedSamples | null;
}

/**
 * The source of a run: where it is a file of rows with a quarantine, one whose rows come into its stream
 * once they are fixed. A source with an inbox takes them by itself.
 */
export function replayableSource(
  source: Source,
  { databaseFile, history, labels, clock }: ReplayPlace,
): OpenedSource {
  const isFile = source.check !== undefined && source.quarantine !== undefined;
  if (!isFile || source.replay !== undefined) return { source, replayed: null };
  const replayed = openReplayedSamples({ file: databaseFile });
  const own = withReplays(source, {
    replayed,
    taken: () => takenOf(history, labels),
    isKnown: (id) => history.positionOf(id) !== null,
    nowMs: () => clock.nowMs(),
  });
  return { source: own, replayed };
}

/** Samples of the stream that are in the history, or predicted and wait for their labels. */
function takenOf(history: History, labels: Pick<LateLabels, "join"> | null): number {
  return labels === null ? history.count() : labels.join.stats().predicted;
}
