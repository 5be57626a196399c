import { type Clock, Random, streamOf } from "@everfresh/core";
import type { History } from "@everfresh/streams";
import { ResumeMismatchError } from "../errors.ts";
import type { PositionRange } from "../samplers/excluding.ts";
import { FrozenStrategy } from "./frozen-strategy.ts";
import { RetrainingStrategy } from "./retraining-strategy.ts";
import { StepStrategy } from "./step-strategy.ts";
import type { Strategy, StrategyCheckpoint } from "./strategy.ts";
import { checkStrategySpec, type StrategySpec } from "./strategy-spec.ts";

/** What a strategy is made with. */
export interface StrategyOptions {
  /** Of all that is drawn; two strategies of one seed draw the same. */
  readonly seed: number;
  /** What triggers and budgets go by. */
  readonly clock: Clock;
  /** Where samplers that need them look up event times and labels. */
  readonly history: Pick<History, "facts">;
  /** Samples of the history that are past when it starts. @default 0 */
  readonly past?: number;
  /**
   * Positions that are never trained on: what a rollback has left behind. @default none
   */
  readonly excluded?: readonly PositionRange[];
  /** Where to go on. */
  readonly checkpoint?: StrategyCheckpoint;
}

type Complete = Required<Omit<StrategyOptions, "checkpoint">>;

const KINDS: {
  readonly [K in StrategySpec["kind"]]: (
    spec: Extract<StrategySpec, { kind: K }>,
    options: Complete,
  ) => Strategy;
} = {
  frozen: (spec, { seed, past }) => new FrozenStrategy(spec, past, randomOf(seed).position),
  online: (spec, options) => new StepStrategy(spec, { ...options, random: randomOf(options.seed) }),
  proactive: (spec, options) =>
    new StepStrategy(spec, { ...options, random: randomOf(options.seed) }),
  fullRetraining: (spec, options) =>
    new RetrainingStrategy(spec, { ...options, random: randomOf(options.seed).position }),
};

/**
 * The strategy that a specification describes.
 * @throws LearnOptionError for a number that is out of its range
 * @throws ResumeMismatchError, SamplerCheckpointError for a checkpoint of another strategy
 */
export function strategyOf(spec: StrategySpec, options: StrategyOptions): Strategy {
  checkStrategySpec(spec);
  const { checkpoint, past = 0, excluded = [], ...rest } = options;
  const make = KINDS[spec.kind] as (spec: StrategySpec, options: Complete) => Strategy;
  const strategy = make(spec, { ...rest, past, excluded });
  if (checkpoint === undefined) return strategy;
  if (checkpoint.kind !== spec.kind) {
    throw new ResumeMismatchError("the kind of strategy", checkpoint.kind, spec.kind);
  }
  strategy.restore(checkpoint);
  return strategy;
}

function randomOf(seed: number): Random {
  return new Random(seed, streamOf("strategy"));
}
