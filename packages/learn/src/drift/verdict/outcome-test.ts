/**
 * Whether labels agree with a change that was seen without them.
 *
 *   errors before the change      errors since then
 *   ├──── n₀, mean m₀ ────┼──── n₁, mean m₁ ────┤
 *
 *   z² = (m₁ − m₀)² / (σ² / n),   n = n₀ n₁ / (n₀ + n₁)
 *   E  = exp(z² / 2 · g n / (1 + g n)) / √(1 + g n)
 *
 * E is the likelihood ratio of "the mean has moved by a normal number of variance g σ²" to "it has not",
 * with σ² the long-run variance. Without a change E reaches 20 at any time in at most one of 20 cases
 * (Ville), and half of these are changes to the better. So a drift is
 *
 * - confirmed when E is 20 or more and there are more errors than before,
 * - withdrawn when the labels of so many samples after the change are there and it is not,
 * - left open where there are too few labels to say either.
 *
 * Where no more labels can tell, as those to come are about another model, those that are there say
 * what they can: it is confirmed as above, withdrawn where E is below 1, which is to say that "it has
 * not" explains them better, and otherwise nobody will know.
 */
import { LongRunVariance } from "../detectors/long-run-variance.ts";

/** E of a confirmation. */
const CONFIRMED_AT = 20;
/** g: changes by a third of a standard deviation are usual. */
const EFFECT = 0.1;
/** Labels on either side before anything is said. */
const LABELS_MIN = 30;
/** Errors that are remembered, the newest: those before a change, and those after one. */
const MEMORY = 2_000;

/** The newest errors with their sequences. */
export class ErrorMemory {
  readonly #sequences = new Float64Array(MEMORY);
  readonly #errors = new Float64Array(MEMORY);
  #taken = 0;

  /** Takes the next error in: 1 is wrong; sequences ascend. */
  add(sequence: number, error: number): void {
    const at = this.#taken++ % MEMORY;
    this.#sequences[at] = sequence;
    this.#errors[at] = error;
  }

  /** Forgets everything. */
  reset(): void {
    this.#taken = 0;
  }

  /** How likely a change at this sequence makes the errors; null with too few on either side. */
  evidenceAt(since: number): { readonly evidence: number; readonly isWorse: boolean } | null {
    const sums = [0, 0];
    const counts = [0, 0];
    const variance = new LongRunVariance();
    const count = Math.min(MEMORY, this.#taken);
    for (let i = this.#taken - count; i < this.#taken; i++) {
      const error = this.#errors[i % MEMORY] ?? 0;
      const side = (this.#sequences[i % MEMORY] ?? 0) < since ? 0 : 1;
      counts[side] = (counts[side] ?? 0) + 1;
      sums[side] = (sums[side] ?? 0) + error;
      if (side === 0) variance.add(error);
    }
    const [n0 = 0, n1 = 0] = counts;
    if (n0 < LABELS_MIN || n1 < LABELS_MIN) return null;
    const [m0, m1] = [(sums[0] ?? 0) / n0, (sums[1] ?? 0) / n1];
    const { inflation } = variance.moments();
    // As of one rate for all, never 0: a model without an error may make its first.
    const rate = ((sums[0] ?? 0) + (sums[1] ?? 0) + 0.5) / (n0 + n1 + 1);
    const perValue = (rate * (1 - rate) * inflation * (n0 + n1)) / (n0 * n1);
    const gn = EFFECT / ((inflation * (n0 + n1)) / (n0 * n1));
    const squared = (m1 - m0) ** 2 / perValue;
    const log = ((squared / 2) * gn) / (1 + gn) - Math.log1p(gn) / 2;
    return { evidence: Math.exp(Math.min(log, 700)), isWorse: m1 > m0 };
  }

  /** All that is remembered, the oldest first. */
  numbers(): readonly number[] {
    const count = Math.min(MEMORY, this.#taken);
    const numbers: number[] = [];
    for (let i = this.#taken - count; i < this.#taken; i++) {
      numbers.push(this.#sequences[i % MEMORY] ?? 0, this.#errors[i % MEMORY] ?? 0);
    }
    return numbers;
  }

  /** Remembers what {@link numbers} gave. */
  remember(numbers: readonly number[]): void {
    this.reset();
    for (let i = 0; i + 1 < numbers.length; i += 2) this.add(numbers[i] ?? 0, numbers[i + 1] ?? 0);
  }
}

/** What labels say of a change at `since`, once those up to sequence `now` have been looked at. */
export function outcomeOf(
  errors: ErrorMemory,
  { since, now, withinSamples }: Record<"since" | "now" | "withinSamples", number>,
): "open" | "confirmed" | "withdrawn" {
  const shown = errors.evidenceAt(since);
  if (shown === null) return "open";
  if (shown.isWorse && shown.evidence >= CONFIRMED_AT) return "confirmed";
  return now >= since + withinSamples ? "withdrawn" : "open";
}

/** What the labels that are there say of a change at `since`, where no more of them will come. */
export function lastOutcomeOf(
  errors: ErrorMemory,
  since: number,
): "confirmed" | "withdrawn" | "unsettled" {
  const shown = errors.evidenceAt(since);
  if (shown === null) return "unsettled";
  if (shown.isWorse && shown.evidence >= CONFIRMED_AT) return "confirmed";
  return shown.evidence < 1 ? "withdrawn" : "unsettled";
}
