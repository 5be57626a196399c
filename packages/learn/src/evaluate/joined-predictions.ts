import { assert } from "@everfresh/core";
import type { JoinedPrediction } from "@everfresh/streams";
import type { ClassObservation, ClassScores } from "./class-statistics.ts";
import type { Evaluation } from "./evaluation.ts";
import { softmaxRows } from "./softmax.ts";

/**
 * Scores predictions whose labels have come, in the order of the labels: with what each state answered
 * when the sample arrived, and with what the baselines knew then.
 * @param evaluations one per state; the outputs of a prediction are the logits of these states, one
 *   after another
 */
export function recordJoined(
  evaluations: readonly Evaluation<ClassObservation, ClassScores>[],
  joined: readonly JoinedPrediction[],
): void {
  for (const { outputs, label, noChange, majority } of joined) {
    const length = outputs.length / evaluations.length;
    assert(
      Number.isSafeInteger(length),
      `${outputs.length} outputs of ${evaluations.length} states`,
    );
    softmaxRows(outputs, evaluations.length).forEach((probabilities, state) => {
      evaluations[state]?.record({ label, probabilities, noChange, majority });
    });
  }
}
