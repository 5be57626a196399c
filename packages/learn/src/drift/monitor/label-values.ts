import { likeliest, type LabelValues } from "./drift-signals.ts";
import type { LabelledObservation } from "./observations.ts";

/** What a class that was given no probability at all costs: a loss is never infinite. */
const PROBABILITY_MIN = 1e-12;
/** Nothing is known. */
const UNKNOWN = -1;

/** Whether a label is one of the model's classes. */
export function isClass(label: number, classes: number): boolean {
  return Number.isSafeInteger(label) && label >= 0 && label < classes;
}

/**
 * What a label says about its prediction. One of a class that the model does not have is an error of
 * whatever was predicted, and its loss is not known.
 * @param isPinned whether the model that is pinned now made the prediction
 */
export function labelValues(
  { label, probabilities, deployedProbabilities }: LabelledObservation,
  { classes, isPinned }: { readonly classes: number; readonly isPinned: boolean },
): LabelValues {
  const isKnown = isClass(label, classes);
  const pinned = isPinned && isUsable(probabilities, classes) ? probabilities : null;
  const deployed = isUsable(deployedProbabilities, classes) ? deployedProbabilities : null;
  return {
    label: isKnown ? label : UNKNOWN,
    error: pinned === null ? UNKNOWN : Number(likeliest(pinned) !== label),
    deployedError: deployed === null ? UNKNOWN : Number(likeliest(deployed) !== label),
    loss:
      pinned === null || !isKnown
        ? UNKNOWN
        : Math.max(0, -Math.log(Math.max(PROBABILITY_MIN, pinned[label] ?? 0))),
    confidence: pinned === null ? UNKNOWN : (pinned[likeliest(pinned)] ?? UNKNOWN),
  };
}

/** The values as numbers, for a label that waits. */
export function numbersOf(values: LabelValues): readonly number[] {
  const { label, error, deployedError, loss, confidence } = values;
  return [label, error, deployedError, loss, confidence];
}

/** The values of a label that has waited. */
export function valuesOf(numbers: readonly number[]): LabelValues {
  const [label = UNKNOWN, error = UNKNOWN, deployedError = UNKNOWN] = numbers;
  const [loss = UNKNOWN, confidence = UNKNOWN] = numbers.slice(3);
  return { label, error, deployedError, loss, confidence };
}

function isUsable(probabilities: ArrayLike<number>, classes: number): boolean {
  if (probabilities.length !== classes) return false;
  for (let i = 0; i < classes; i++) if (!Number.isFinite(probabilities[i])) return false;
  return true;
}
