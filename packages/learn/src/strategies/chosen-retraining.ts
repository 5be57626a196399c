import { Random, streamOf } from "@everfresh/core";
import type { History } from "@everfresh/streams";
import type { PendingRetraining } from "../drift/response/response.ts";
import type { PositionRange } from "../samplers/excluding.ts";
import { includedRanges } from "./included-ranges.ts";
import { countOf, type RetrainingIteration } from "./iteration.ts";

/** Samples whose classes are looked at, the newest: bounds what a journal entry holds. */
const LOOKED_AT_MAX = 65_536;

/** What {@link chosenRetraining} works with. */
export interface ChosenRetrainingOptions {
  /** Samples that training has taken up. */
  readonly past: number;
  readonly why: string;
  readonly batchSize: number;
  /** Of the order of the samples. */
  readonly seed: number;
  readonly history: Pick<History, "facts">;
  /** Positions that are never trained on. */
  readonly excluded: readonly PositionRange[];
}

/**
 * The retraining that a drift has led to: on the samples since the change, of all classes or of some.
 * Where there is none of those classes it is on all, and where all since then are excluded on what else
 * there is.
 */
export async function chosenRetraining(
  { from, steps, start, classes }: PendingRetraining,
  { past, why, batchSize, seed, history, excluded }: ChosenRetrainingOptions,
): Promise<RetrainingIteration> {
  const others = classes === null ? [] : await ofOtherClasses(history, classes, { from, to: past });
  const before = { from: 0, to: Math.min(from, past) };
  const choices = [[before, ...others], [before], []].map((left) =>
    includedRanges(past, [...left, ...excluded]),
  );
  const samples = choices.find((ranges) => countOf(ranges) > 0) ?? [];
  const epochs = Math.ceil(steps / Math.ceil(countOf(samples) / batchSize));
  const order = new Random(seed, streamOf(`retraining after drift at ${past}`)).position;
  const how = { start, epochs, batchSize, stepsMax: steps, order };
  return { kind: "retraining", past, skipped: 0, fresh: 0, why, samples, ...how };
}

/** The samples of a range that are of none of these classes, and those that are too many to look at. */
async function ofOtherClasses(
  history: Pick<History, "facts">,
  classes: readonly number[],
  { from, to }: PositionRange,
): Promise<readonly PositionRange[]> {
  const first = Math.max(from, to - LOOKED_AT_MAX);
  const facts = await history.facts(first, to);
  const others = facts.flatMap(({ label }, i): readonly PositionRange[] =>
    classes.includes(label) ? [] : [{ from: first + i, to: first + i + 1 }],
  );
  return [{ from, to: first }, ...others];
}
