import { assert, type Clock } from "@everfresh/core";
import { ResumeMismatchError } from "../errors.ts";
import type { BudgetDecision, BudgetRule } from "./budget-rule.ts";
import { type BudgetSpec, checkBudgetSpec } from "./budget-spec.ts";
import { stepBucket } from "./step-bucket.ts";
import { trainingHour } from "./training-hour.ts";

/** What budgets have seen, as plain data. */
export interface BudgetCheckpoint {
  readonly nowMs: number | null;
  readonly parts: readonly { readonly kind: string; readonly numbers: readonly number[] }[];
}

const RULES: {
  readonly [K in BudgetSpec["kind"]]: (spec: Extract<BudgetSpec, { kind: K }>) => BudgetRule;
} = {
  trainingSecondsPerHour: ({ seconds }) => trainingHour(seconds),
  stepsPerSecond: ({ rate, burst = 1 }) => stepBucket(rate, burst),
  everyMs: ({ ms }) => stepBucket(1_000 / ms, 1),
};

/**
 * Bounds on training, all of which must be kept; with none, everything is allowed. This is also what
 * paces the steps of mini-batch SGD, which no sample triggers (t = 0).
 */
export class Budget {
  readonly #specs: readonly BudgetSpec[];
  readonly #rules: readonly BudgetRule[];
  readonly #clock: Pick<Clock, "nowMs">;
  #nowMs = -Infinity;

  /**
   * @param clock what times go by; one that is set back stands still for the budget
   * @throws LearnOptionError for a number that is out of its range
   */
  constructor(specs: readonly BudgetSpec[], clock: Pick<Clock, "nowMs">) {
    for (const spec of specs) checkBudgetSpec(spec);
    this.#specs = specs;
    this.#rules = specs.map((spec) => {
      const make = RULES[spec.kind] as (spec: BudgetSpec) => BudgetRule;
      return make(spec);
    });
    this.#clock = clock;
  }

  /** Whether a step may begin now, and otherwise when. */
  decide(): BudgetDecision {
    const nowMs = this.#now();
    const decisions = this.#rules.map((rule) => rule.decide(nowMs));
    const longest = decisions.reduce<BudgetDecision | null>(
      (most, each) => (most === null || each.waitMs > most.waitMs ? each : most),
      null,
    );
    return longest ?? { isAllowed: true, waitMs: 0, why: "no budget is set" };
  }

  /** A step begins. */
  began(): void {
    const nowMs = this.#now();
    for (const rule of this.#rules) rule.began(nowMs);
  }

  /** A step has ended, after so long. */
  ended(durationMs: number): void {
    assert(durationMs >= 0, `a step of ${durationMs} ms`);
    const nowMs = this.#now();
    for (const rule of this.#rules) rule.ended(nowMs, durationMs);
  }

  /** What was spent. */
  checkpoint(): BudgetCheckpoint {
    return {
      nowMs: this.#nowMs === -Infinity ? null : this.#nowMs,
      parts: this.#rules.map((rule, i) => ({
        kind: this.#specs[i]?.kind ?? "",
        numbers: rule.numbers(),
      })),
    };
  }

  /**
   * Goes back to a checkpoint; time that has passed since then has passed for the budget too.
   * @throws ResumeMismatchError when it is that of other budgets
   */
  restore({ nowMs, parts }: BudgetCheckpoint): void {
    const [stored, actual] = [parts, this.#specs].map((list) =>
      list.map(({ kind }) => kind).join(", "),
    );
    if (stored !== actual) {
      throw new ResumeMismatchError("the list of budgets", stored ?? "", actual ?? "");
    }
    this.#nowMs = nowMs ?? -Infinity;
    this.#rules.forEach((rule, i) => rule.remember(parts[i]?.numbers ?? []));
  }

  #now(): number {
    this.#nowMs = Math.max(this.#nowMs, this.#clock.nowMs());
    return this.#nowMs;
  }
}
