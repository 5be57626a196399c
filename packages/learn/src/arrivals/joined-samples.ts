import { type History, isErased, type JoinedPrediction, type LabelJoin } from "@everfresh/streams";
import { ClassBaselines } from "../evaluate/baselines.ts";
import type { Tested } from "./arrivals.ts";
import type { ArrivalsOptions, LateLabels } from "./arrivals-options.ts";

/** Joined predictions read at once: bounds the memory that it takes. */
const JOINED_AT_ONCE = 256;

/** What has been joined goes on in the history. */
export async function storeJoined(history: History, join: LabelJoin): Promise<void> {
  while (history.count() < join.joinedCount()) {
    const from = history.count();
    const joined = await join.joined(from, Math.min(join.joinedCount(), from + JOINED_AT_ONCE));
    await history.append(
      joined.map(({ id, eventTimeMs, features, label }) => ({ id, eventTimeMs, features, label })),
    );
  }
}

/** Scores joined predictions as they were made; those that were erased are left out. */
export async function testJoined(
  evaluation: ArrivalsOptions["evaluation"],
  join: LabelJoin,
  range: { readonly from: number; readonly to: number },
): Promise<Tested> {
  const joined = await join.joined(range.from, range.to);
  const hits = joined
    .filter((prediction) => !isErased(prediction))
    .map(({ label, outputs, noChange, majority }) =>
      evaluation.record({ label, outputs, answers: { noChange, majority } }),
    );
  return { count: hits.length, right: hits.filter(({ trained }) => trained).length };
}

/** What is known of labels when a sample arrives: more than what was scored. */
export async function arrivedLabels(
  { evaluation, testedFrom }: ArrivalsOptions,
  late: LateLabels,
): Promise<ClassBaselines> {
  const baselines = new ClassBaselines(evaluation.classes, evaluation.baselines);
  for await (const { label } of joinedPredictions(late, testedFrom, late.join.joinedCount())) {
    baselines.learn(label);
  }
  return baselines;
}

async function* joinedPredictions(
  { join }: LateLabels,
  from: number,
  to: number,
): AsyncGenerator<JoinedPrediction, void, void> {
  for (let at = from; at < to; at += JOINED_AT_ONCE) {
    yield* await join.joined(at, Math.min(to, at + JOINED_AT_ONCE));
  }
}
