import type { Strategy, StrategyCheckpoint } from "./strategy.ts";
import type { StrategySpec } from "./strategy-spec.ts";

/** Where a strategy was, and which one that was. */
export interface RecordedStrategy {
  /** Null where that was not recorded: by proactive training with a uniform sampler. */
  readonly spec: StrategySpec | null;
  readonly checkpoint: StrategyCheckpoint;
}

/** Where a strategy is now. */
export function recordOf(strategy: Strategy): RecordedStrategy {
  return { spec: strategy.spec, checkpoint: strategy.checkpoint() };
}

/**
 * Lets a strategy go on from where one was, before it is asked for anything. Where they are not the
 * same, it goes on with the samples and the random numbers that follow, and with those of its parts
 * that are as they were; samples that waited have to arrive again.
 * @throws SamplerCheckpointError when the sampler's part is damaged
 */
export function goOnFrom(strategy: Strategy, { spec, checkpoint }: RecordedStrategy): void {
  if (isSame(strategy.spec, spec)) strategy.restore(checkpoint);
  else strategy.restore({ ...strategy.checkpoint(), ...whatFits(strategy.spec, spec, checkpoint) });
}

function whatFits(
  now: StrategySpec,
  before: StrategySpec | null,
  checkpoint: StrategyCheckpoint,
): Partial<StrategyCheckpoint> {
  const { past, iterations, isRunning, random, sampler, trigger, budget } = checkpoint;
  const { response } = checkpoint;
  const [own, others] = [partsOf(now), before === null ? null : partsOf(before)];
  return {
    ...{ samples: past, past, iterations, isRunning, random },
    ...(others !== null && isSame(own.sampler, others.sampler) ? { sampler } : {}),
    ...(others !== null && isSame(own.trigger, others.trigger) ? { trigger } : {}),
    ...(others !== null && isSame(own.budgets, others.budgets) ? { budget } : {}),
    ...(others !== null && isSame(own.response, others.response) && response !== undefined
      ? { response }
      : {}),
  };
}

/** The parts of a strategy that have a checkpoint of their own, by the plan that they follow. */
function partsOf(
  spec: StrategySpec,
): Readonly<Record<"sampler" | "trigger" | "budgets" | "response", unknown>> {
  if (spec.kind === "frozen") {
    return { sampler: spec.kind, trigger: spec.kind, budgets: spec.kind, response: spec.kind };
  }
  return {
    sampler: spec.kind === "proactive" ? (spec.sampler ?? { kind: "uniform" }) : spec.kind,
    trigger: spec.kind === "online" ? undefined : spec.trigger,
    budgets: spec.budgets ?? [],
    response: spec.kind === "proactive" ? [spec.response, spec.triggerSize] : spec.kind,
  };
}

/** Whether two specifications say the same, in whatever order. */
function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(spec: unknown): string | undefined {
  return JSON.stringify(spec, (_key, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
