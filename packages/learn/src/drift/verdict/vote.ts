/**
 * How the evidence of signals becomes one verdict.
 *
 * `calibrated`: by the weighted mean over the signals that have data,
 *
 *   N = Σ wₖ Nₖ,   Σ wₖ = 1.
 *
 * Nₖ is the number of samples between two chances as strong, so on a stable stream it exceeds x about
 * once in x samples: a tail of 1 / x. A weighted mean of such numbers exceeds x once in x samples, too,
 * whether they are independent (one of them is large: Σ wₖ / x) or all the same (Wilson, PNAS 2019, for
 * p-values). So the budget is that of the ensemble, nothing of it is wasted on signals that say the
 * same, and one alone needs Nₖ ≥ budget / wₖ.
 *
 * `majority` and `weighted`: the mean within each family; a family has seen a change while that is at
 * least the budget, and for `withinSamples` after it. There is a drift where more than half of the
 * families that have data, or of their weights, have.
 */
import type { DriftVerdict, SignalFamily } from "@everfresh/core";
import type { CompleteDriftSpec } from "../monitor/drift-spec.ts";

/** All families, in the order in which they are told of. */
export const FAMILIES: readonly SignalFamily[] = ["data", "uncertainty", "error"];

/** A warning is over when evidence is so many times below its budget: it does not come and go. */
const WARNING_OVER = 100;

/** A mean is at most the largest of what it is of, but for its last digits. */
const QUIET_PART = 0.999;

/** Evidence of one signal. */
export interface SignalEvidence {
  readonly family: SignalFamily;
  /** Null without data. */
  readonly evidence: number | null;
}

/** What signals say together. */
export interface Judgement {
  readonly verdict: DriftVerdict;
  /** Of all together, in samples; null without data. */
  readonly evidence: number | null;
}

/** Evidence per family; null without data. */
export type FamilyEvidence = Readonly<Record<SignalFamily, number | null>>;

/** Takes votes. */
export class Vote {
  readonly #spec: CompleteDriftSpec;
  /** Per family and level the sequence at which it was there last; -1 for never. */
  readonly #warned = { data: -1, uncertainty: -1, error: -1 };
  readonly #alarmed = { data: -1, uncertainty: -1, error: -1 };

  constructor(spec: CompleteDriftSpec) {
    this.#spec = spec;
  }

  /**
   * Whether {@link judge} need not be asked where things are stable: no signal alone has the evidence
   * for a warning, so their mean has none. Most samples are like that.
   */
  isQuiet(signals: readonly SignalEvidence[]): boolean {
    if (this.#spec.vote !== "calibrated") return false;
    const most = QUIET_PART * this.#spec.falseWarningEvery;
    for (const { evidence } of signals) if ((evidence ?? 0) >= most) return false;
    return true;
  }

  /** The verdict at a sample, by the one before. */
  judge(signals: readonly SignalEvidence[], before: DriftVerdict, sequence: number): Judgement {
    const families = familiesOf(signals);
    const evidence = this.#mean(families);
    if (evidence === null) return { verdict: "stable", evidence };
    if (this.#spec.vote !== "calibrated") {
      return { verdict: this.#elect(families, sequence), evidence };
    }
    const { falseAlarmEvery, falseWarningEvery } = this.#spec;
    if (evidence >= falseAlarmEvery) return { verdict: "drift", evidence };
    const warned = before === "warning" ? falseWarningEvery / WARNING_OVER : falseWarningEvery;
    return { verdict: evidence >= warned ? "warning" : "stable", evidence };
  }

  /** The weights wₖ of the signals, in their order: 0 without data. */
  weights(signals: readonly SignalEvidence[]): readonly number[] {
    const families = familiesOf(signals);
    const total = this.#total(families);
    return signals.map(({ family, evidence }) => {
      if (evidence === null || total === 0) return 0;
      const count = signals.filter((other) => other.family === family && other.evidence !== null);
      return this.#spec.weights[family] / total / count.length;
    });
  }

  /** What a family says alone. */
  ofFamily(evidence: number | null): DriftVerdict {
    const { falseAlarmEvery, falseWarningEvery } = this.#spec;
    if (evidence === null || evidence < falseWarningEvery) return "stable";
    return evidence < falseAlarmEvery ? "warning" : "drift";
  }

  /** No family has seen anything. */
  reset(): void {
    this.remember([-1, -1, -1, -1, -1, -1]);
  }

  /** All that is remembered. */
  numbers(): readonly number[] {
    return FAMILIES.flatMap((family) => [this.#warned[family], this.#alarmed[family]]);
  }

  /** Remembers what {@link numbers} gave. */
  remember(numbers: readonly number[]): void {
    FAMILIES.forEach((family, i) => {
      this.#warned[family] = numbers[2 * i] ?? -1;
      this.#alarmed[family] = numbers[2 * i + 1] ?? -1;
    });
  }

  #mean(families: FamilyEvidence): number | null {
    const total = this.#total(families);
    if (total === 0) return null;
    let sum = 0;
    for (const family of FAMILIES) sum += this.#spec.weights[family] * (families[family] ?? 0);
    return sum / total;
  }

  #total(families: FamilyEvidence): number {
    let total = 0;
    for (const family of FAMILIES) {
      if (families[family] !== null) total += this.#spec.weights[family];
    }
    return total;
  }

  #elect(families: FamilyEvidence, sequence: number): DriftVerdict {
    const { weights, vote, withinSamples } = this.#spec;
    let [warned, alarmed, total] = [0, 0, 0];
    for (const family of FAMILIES) {
      const evidence = families[family];
      const verdict = this.ofFamily(evidence);
      if (verdict !== "stable") this.#warned[family] = sequence;
      if (verdict === "drift") this.#alarmed[family] = sequence;
      const own = vote === "majority" ? 1 : weights[family];
      const isRecent = (at: number): boolean => at >= 0 && sequence - at <= withinSamples;
      if (evidence !== null) total += own;
      if (isRecent(this.#warned[family])) warned += own;
      if (isRecent(this.#alarmed[family])) alarmed += own;
    }
    if (2 * alarmed > total) return "drift";
    return 2 * warned > total ? "warning" : "stable";
  }
}

/** Per family the mean evidence of its signals that have data; null where none has. */
export function familiesOf(signals: readonly SignalEvidence[]): FamilyEvidence {
  const sums = { data: 0, uncertainty: 0, error: 0 };
  const counts = { data: 0, uncertainty: 0, error: 0 };
  for (const { family, evidence } of signals) {
    if (evidence === null) continue;
    sums[family] += evidence;
    counts[family]++;
  }
  const mean = (family: SignalFamily): number | null =>
    counts[family] === 0 ? null : sums[family] / counts[family];
  return { data: mean("data"), uncertainty: mean("uncertainty"), error: mean("error") };
}
