import type { LabelJoin, PendingPrediction } from "@everfresh/streams";
import type { WatchedLabel, WatchedPrediction } from "../drift/monitor/drift-watch-options.ts";
import type { ArrivalsOptions, LaggingLabels } from "./arrivals-options.ts";

/** Joined predictions read at once: bounds the memory that it takes. */
const JOINED_AT_ONCE = 256;

/** A turn that came before the process began: a sample, if one arrived, and the labels after it. */
export interface PastTurn {
  readonly number: number;
  readonly prediction: WatchedPrediction | null;
  readonly labels: readonly WatchedLabel[];
}

/** A prediction that waits for its label. */
export type Waiting = Pick<PendingPrediction, "id" | "version" | "outputs">;

/** Where past turns begin, how many samples had arrived, and which of them wait for labels. */
export interface PastRange {
  readonly from: number;
  readonly predicted: number;
  readonly pending: readonly Waiting[];
}

/** What is stored of a prediction. */
interface Stored {
  readonly version: number;
  readonly outputs: Float32Array;
  /** Null while it is out. */
  readonly label: number | null;
}

/**
 * The turns from a number on that were taken in before the process began, as they were then: samples
 * from the source, what was predicted for them and their labels from the join. Turn n has sample n, and
 * the label of sample n − lag; at the end of the stream there are turns with labels alone. Of a
 * prediction that was given up meanwhile, only the sample is known.
 */
export async function* pastTurns(
  { source, signal, testedFrom }: Pick<ArrivalsOptions, "source" | "signal" | "testedFrom">,
  { join, lagSamples }: LaggingLabels,
  { from, predicted, pending }: PastRange,
): AsyncGenerator<PastTurn, void, void> {
  const stored = await storedIn(join, testedFrom, pending);
  const first = Math.max(0, from - lagSamples);
  const ids: string[] = [];
  const labelsIn = (number: number): readonly WatchedLabel[] => {
    const sequence = number - lagSamples;
    const met = stored.get(ids[sequence - first] ?? "");
    if (met === undefined || met.label === null) return [];
    return [{ sequence, label: met.label, outputs: met.outputs }];
  };
  if (predicted > first) {
    for await (const sample of source.read({ from: first, signal })) {
      const number = first + ids.length;
      ids.push(sample.id);
      if (number >= from) {
        const { version = 0, outputs = new Float32Array(0) } = stored.get(sample.id) ?? {};
        yield { number, prediction: { sample, version, outputs }, labels: labelsIn(number) };
      }
      if (number + 1 === predicted) break;
    }
  }
  for (let number = Math.max(predicted, lagSamples); ; number++) {
    const labels = labelsIn(number);
    if (labels.length === 0) return;
    if (number >= from) yield { number, prediction: null, labels };
  }
}

/** What the join has, by id: of predictions whose labels are out, and of those that were not scored. */
async function storedIn(
  join: LabelJoin,
  testedFrom: number,
  pending: readonly Waiting[],
): Promise<ReadonlyMap<string, Stored>> {
  const stored = new Map<string, Stored>();
  for (const { id, version, outputs } of pending) {
    stored.set(id, { version, outputs, label: null });
  }
  for (let at = testedFrom; at < join.joinedCount(); at += JOINED_AT_ONCE) {
    const to = Math.min(join.joinedCount(), at + JOINED_AT_ONCE);
    for (const { id, version, outputs, label } of await join.joined(at, to)) {
      stored.set(id, { version, outputs, label });
    }
  }
  return stored;
}
