import { assert, type Clock } from "@everfresh/core";
import { ResumeMismatchError } from "../errors.ts";
import { Budget, type BudgetCheckpoint } from "../triggers/budget.ts";
import type { BudgetSpec } from "../triggers/budget-spec.ts";
import type { Trigger, TriggerCheckpoint, TriggerDecision } from "../triggers/trigger.ts";
import { triggerOf } from "../triggers/trigger-of.ts";
import type { TriggerSpec } from "../triggers/trigger-spec.ts";
import type { StrategyDecision, StrategyEvent } from "./strategy.ts";

/** A trigger that goes by the clock is asked this often: finer than a step matters to no one. */
const LOOK_EVERY_MS = 50;

/** The part of a strategy's checkpoint that is the gate's. */
export interface TrainingGateCheckpoint {
  readonly isRunning: boolean;
  readonly trigger: TriggerCheckpoint | null;
  readonly budget: BudgetCheckpoint;
}

/** What lets an iteration of a strategy begin: that none runs, its trigger, and its budgets. */
export class TrainingGate {
  readonly #trigger: Trigger | null;
  readonly #goesByClock: boolean;
  readonly #budget: Budget;
  #isRunning = false;

  /** @throws LearnOptionError for a number that is out of its range */
  constructor(
    spec: { readonly trigger?: TriggerSpec; readonly budgets?: readonly BudgetSpec[] },
    clock: Pick<Clock, "nowMs">,
  ) {
    this.#trigger = spec.trigger === undefined ? null : triggerOf(spec.trigger, clock);
    this.#goesByClock = spec.trigger !== undefined && goesByClock(spec.trigger);
    this.#budget = new Budget(spec.budgets ?? [], clock);
  }

  /** Whether an iteration has begun that has not ended. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** What the trigger says; null without one. */
  get trigger(): TriggerDecision | null {
    return this.#trigger?.on({ kind: "time" }) ?? null;
  }

  /** Tells trigger and budgets. */
  on(event: StrategyEvent): void {
    if (event.kind === "ended") {
      assert(this.#isRunning, "an iteration ended that had not begun");
      this.#isRunning = false;
      this.#budget.ended(event.durationMs);
    }
    this.#trigger?.on(event);
  }

  /** An iteration that is `wanted` may have to wait for the budgets. */
  decide(wanted: TriggerDecision): StrategyDecision {
    if (this.#isRunning) return { isDue: false, waitMs: null, why: "an iteration runs" };
    const { why } = wanted;
    if (!wanted.isDue) {
      return { isDue: false, waitMs: this.#goesByClock ? LOOK_EVERY_MS : null, why };
    }
    const budget = this.#budget.decide();
    if (!budget.isAllowed) return { isDue: false, waitMs: budget.waitMs, why: budget.why };
    return { isDue: true, waitMs: 0, why };
  }

  /** An iteration begins with so many new samples. */
  began(samples: number): void {
    this.#isRunning = true;
    this.#trigger?.on({ kind: "began", samples });
    this.#budget.began();
  }

  /** All that later decisions depend on. */
  checkpoint(): TrainingGateCheckpoint {
    return {
      isRunning: this.#isRunning,
      trigger: this.#trigger?.checkpoint() ?? null,
      budget: this.#budget.checkpoint(),
    };
  }

  /** @throws ResumeMismatchError when it is that of another trigger or other budgets */
  restore({ isRunning, trigger, budget }: TrainingGateCheckpoint): void {
    const [expected, actual] = [trigger, this.#trigger].map((each) =>
      each === null ? "absent" : "given",
    );
    if (expected !== actual) {
      throw new ResumeMismatchError("the strategy's trigger", expected ?? "", actual ?? "");
    }
    if (trigger !== null) this.#trigger?.restore(trigger);
    this.#budget.restore(budget);
    this.#isRunning = isRunning;
  }
}

/** Whether the trigger can become due though nothing happens. */
function goesByClock(spec: TriggerSpec): boolean {
  if (spec.kind === "any" || spec.kind === "all" || spec.kind === "atLeast") {
    return spec.of.some(goesByClock);
  }
  if (spec.kind === "byTime") return spec.of === "clock";
  return spec.kind === "byCost" || spec.kind === "dynamicSchedule";
}
