import type { DriftCounts } from "@everfresh/core";
import type { LabelOrder, OrderedFate } from "./label-order.ts";
import type { MonitoredSignal } from "./monitored-signal.ts";
import type { StreamPlaces } from "./stream-places.ts";

/** What is counted here and nowhere else. */
type Counted = Exclude<
  keyof DriftCounts,
  "ignored" | "reordered" | "passedOver" | "clockBackwards"
>;

/** Features that are missing, NaN or infinite. */
export function missingIn(features: ArrayLike<number>): number {
  // Bytes are all there.
  if (features instanceof Uint8Array) return 0;
  let missing = 0;
  for (let i = 0; i < features.length; i++) if (!Number.isFinite(features[i])) missing++;
  return missing;
}

/** Counts what is odd. */
export class OddCounts {
  readonly #counts: Record<Counted, number> = {
    ...{ unknownIds: 0, duplicateLabels: 0, expired: 0, tooLate: 0, outOfSequence: 0 },
    ...{ unseenClasses: 0, missingFeatures: 0 },
  };

  /** Counts one more. */
  add(what: Counted): void {
    this.#counts[what]++;
  }

  /** Counts what became of a label, where that is odd. */
  label(fate: OrderedFate): void {
    if (fate === "unknown") this.add("unknownIds");
    if (fate === "duplicate") this.add("duplicateLabels");
    if (fate === "tooLate") this.add("tooLate");
  }

  /** Counts features that are missing. */
  missing(features: number): void {
    this.#counts.missingFeatures += features;
  }

  /** All counts, with those that others keep. */
  counts(
    signals: readonly MonitoredSignal[],
    { reordered, passedOver }: LabelOrder,
    { clockBackwards }: StreamPlaces,
  ): DriftCounts {
    const ignored = signals.reduce((sum, signal) => sum + signal.ignored, 0);
    return { ignored, ...this.#counts, reordered, passedOver, clockBackwards };
  }

  /** All that is remembered. */
  numbers(): readonly number[] {
    return Object.values(this.#counts);
  }

  /** Takes what {@link numbers} gave from the front; returns the rest. */
  remember(numbers: readonly number[]): readonly number[] {
    const names = Object.keys(this.#counts) as Counted[];
    names.forEach((what, i) => {
      this.#counts[what] = numbers[i] ?? 0;
    });
    return numbers.slice(names.length);
  }
}
