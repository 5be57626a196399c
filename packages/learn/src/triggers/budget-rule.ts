/** Whether a step may begin now. */
export interface BudgetDecision {
  readonly isAllowed: boolean;
  /** When it may, if nothing else is spent; 0 when it may now. */
  readonly waitMs: number;
  /** For people: what decided, with its numbers. */
  readonly why: string;
}

/** One bound. Times are in milliseconds since the Unix epoch and never go back. */
export interface BudgetRule {
  decide(nowMs: number): BudgetDecision;
  /** A step began. */
  began(nowMs: number): void;
  /** It ended, after so long. */
  ended(nowMs: number, durationMs: number): void;
  /** All that it remembers; finite numbers. */
  numbers(): readonly number[];
  /** Remembers what {@link numbers} gave. */
  remember(numbers: readonly number[]): void;
}
