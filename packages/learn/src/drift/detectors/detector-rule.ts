import type { DriftVerdict } from "../../triggers/trigger.ts";
import type { SignalReading } from "../signal.ts";

/** One kind of detector: {@link Detector} without counting, missing values and starting anew. */
export interface DetectorRule {
  /** Which finite numbers it takes: all, or those from 0 to 1. */
  readonly takes: "numbers" | "unit";
  /** Takes a value in; never called again after a drift before {@link reset}. */
  update(value: number): DriftVerdict;
  /** By what the last verdict came about. */
  reading(): RuleReading;
  /** Its value alone, for those who look at it after every value; where that is cheaper. */
  value?(): number | null;
  /** Forgets all values; random numbers go on. */
  reset(): void;
  /** All that it remembers; finite numbers. */
  numbers(): readonly number[];
  /** Remembers what {@link numbers} gave. */
  remember(numbers: readonly number[]): void;
}

/** What a rule knows of a {@link SignalReading}. */
export type RuleReading = Pick<
  SignalReading,
  "value" | "warningAt" | "driftAt" | "pValue" | "changeAgo"
>;

/** The reading of a rule that has nothing to say yet. */
export const NO_READING: RuleReading = {
  value: null,
  warningAt: null,
  driftAt: null,
  pValue: null,
  changeAgo: null,
};
