import { checkDriftResponse, type DriftResponse } from "../drift/response/response-spec.ts";
import { LearnOptionError } from "../errors.ts";
import { checkSamplerSpec, type SamplerSpec } from "../samplers/sampler-spec.ts";
import { type BudgetSpec, checkBudgetSpec } from "../triggers/budget-spec.ts";
import type { OverloadPolicy } from "../triggers/overload.ts";
import { checkTriggerSpec, type TriggerSpec } from "../triggers/trigger-spec.ts";

/** Never trains: the control that every strategy is compared with. */
export interface FrozenSpec {
  readonly kind: "frozen";
}

/** Steps on new samples alone, each of which is trained on once: proactive training with t = b. */
export interface OnlineSpec {
  readonly kind: "online";
  /** Samples per step, b: 1 or more. */
  readonly batchSize: number;
  /** Bounds on training. @default none */
  readonly budgets?: readonly BudgetSpec[];
  /** What happens to samples that come faster than steps. @default "block" */
  readonly overload?: OverloadPolicy;
}

/**
 * Steps on t new samples and b − t old ones (Prapas et al., 2021). With t = 0 it is mini-batch SGD on
 * the history, which no sample triggers: a trigger or a budget paces its steps.
 */
export interface ProactiveSpec {
  readonly kind: "proactive";
  /** New samples per step, t: from 0 to the batch size. */
  readonly triggerSize: number;
  /** Samples per step, b: 1 or more. */
  readonly batchSize: number;
  /** Picks the old ones. @default uniform */
  readonly sampler?: SamplerSpec;
  /**
   * When a step is due; it then takes up to t of the samples that wait, and at least one.
   * @default when t samples wait
   */
  readonly trigger?: TriggerSpec;
  /** Bounds on training. @default none */
  readonly budgets?: readonly BudgetSpec[];
  /** What happens to samples that come faster than steps. @default "block" */
  readonly overload?: OverloadPolicy;
  /** What verdicts on drift lead to. @default nothing */
  readonly response?: DriftResponse;
}

/** Now and then trains on the whole history, for some epochs. */
export interface FullRetrainingSpec {
  readonly kind: "fullRetraining";
  /** When: by count and by time are periodic. */
  readonly trigger: TriggerSpec;
  /** From the initial state with a fresh optimizer, or from where training has come to. */
  readonly start: "cold" | "warm";
  /** Passes over the samples, each in an order of its own: 1 or more. */
  readonly epochs: number;
  /** Samples per step, b: 1 or more. */
  readonly batchSize: number;
  /** Only so many of the newest samples: 1 or more. @default all */
  readonly window?: number;
  /** Bounds on training. @default none */
  readonly budgets?: readonly BudgetSpec[];
  /**
   * What happens to samples that come while it trains: all count at once for the next time (`grow`),
   * or only as many as make that due, so that nothing depends on how long training takes (`block`).
   * @default "grow"
   */
  readonly overload?: Exclude<OverloadPolicy, "skip">;
}

/** How a model is kept fresh, as plain data. */
export type StrategySpec = FrozenSpec | OnlineSpec | ProactiveSpec | FullRetrainingSpec;

const CHECKS: {
  readonly [K in StrategySpec["kind"]]: (spec: Extract<StrategySpec, { kind: K }>) => void;
} = {
  frozen: () => undefined,
  online: ({ batchSize, budgets }) => {
    checkWhole("batchSize", batchSize, 1);
    checkBudgets(budgets);
  },
  proactive: (spec) => {
    const { triggerSize, batchSize, sampler, trigger, budgets, response } = spec;
    checkWhole("batchSize", batchSize, 1);
    if (!Number.isSafeInteger(triggerSize) || triggerSize < 0 || triggerSize > batchSize) {
      const needed = `a whole number from 0 to the batch size ${batchSize}`;
      throw new LearnOptionError("triggerSize", triggerSize, needed);
    }
    if (sampler !== undefined) checkSamplerSpec(sampler);
    if (trigger !== undefined) checkTriggerSpec(trigger);
    checkBudgets(budgets);
    if (response !== undefined) checkDriftResponse(response, spec);
    if (triggerSize === 0) checkPaced(spec);
  },
  fullRetraining: ({ trigger, epochs, batchSize, window, budgets }) => {
    checkTriggerSpec(trigger);
    checkWhole("epochs", epochs, 1);
    checkWhole("batchSize", batchSize, 1);
    if (window !== undefined) checkWhole("window", window, 1);
    checkBudgets(budgets);
  },
};

/**
 * Checks the numbers of a strategy and of all that it is made of.
 * @throws LearnOptionError for one that is out of its range
 */
export function checkStrategySpec(spec: StrategySpec): void {
  const check = CHECKS[spec.kind] as (spec: StrategySpec) => void;
  check(spec);
}

/** Never trains. */
export function frozen(): FrozenSpec {
  return { kind: "frozen" };
}

/** Trains on every sample once, as it comes. */
export function online(options: Omit<OnlineSpec, "kind">): OnlineSpec {
  return { kind: "online", ...options };
}

/** Trains on few new samples and many old ones, step after step. */
export function proactive(options: Omit<ProactiveSpec, "kind">): ProactiveSpec {
  return { kind: "proactive", ...options };
}

/** Trains on everything, now and then. */
export function fullRetraining(options: Omit<FullRetrainingSpec, "kind">): FullRetrainingSpec {
  return { kind: "fullRetraining", ...options };
}

/** Samples per step, b; 1 for what never steps. */
export function batchSizeOf(spec: StrategySpec): number {
  return spec.kind === "frozen" ? 1 : spec.batchSize;
}

function checkPaced({ trigger, budgets = [], sampler }: ProactiveSpec): void {
  if (sampler?.kind === "none") {
    throw new LearnOptionError("sampler", "none", "one that draws, where triggerSize is 0");
  }
  if (trigger === undefined && budgets.length === 0) {
    const needed = "given, or budgets, to pace the steps of triggerSize 0";
    throw new LearnOptionError("trigger", trigger, needed);
  }
}

function checkBudgets(budgets: readonly BudgetSpec[] = []): void {
  for (const budget of budgets) checkBudgetSpec(budget);
}

function checkWhole(option: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new LearnOptionError(option, value, `a whole number of ${least} or more`);
  }
}
