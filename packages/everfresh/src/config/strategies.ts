import {
  type BudgetSpec,
  checkStrategySpec,
  type FullRetrainingSpec,
  LearnOptionError,
  type OnlineSpec,
  type OverloadPolicy,
  type ProactiveSpec,
  type SamplerSpec,
  type TriggerSpec,
} from "@everfresh/learn";

const BATCH_SIZE_DEFAULT = 128;
const TRIGGER_SIZE_DEFAULT = 8;
const EPOCHS_DEFAULT = 10;

/** Options of {@link proactive}. */
export interface ProactiveOptions {
  /** New samples per training step (`t`), from 0 to `batchSize`; 0 needs a trigger or a budget. @default 8 */
  readonly triggerSize?: number;
  /** Samples per batch (`b`), new and old together. @default 128 */
  readonly batchSize?: number;
  /** Picks the old ones. @default uniform over all of them */
  readonly sampler?: SamplerSpec;
  /** When a step is due. @default when `triggerSize` new samples wait */
  readonly trigger?: TriggerSpec;
  /** Bounds on training. @default none */
  readonly budgets?: readonly BudgetSpec[];
  /** What happens to samples that come faster than steps. @default "block": their source waits */
  readonly overload?: OverloadPolicy;
}

/**
 * Proactive training (Prapas et al., "Continuous training and deployment of deep learning models",
 * Datenbank-Spektrum 21, 2021, Algorithm 1): each step takes some new samples and many old ones.
 * @throws LearnOptionError for a number that is out of its range
 */
export function proactive(options: ProactiveOptions = {}): ProactiveSpec {
  const { triggerSize = TRIGGER_SIZE_DEFAULT, batchSize = BATCH_SIZE_DEFAULT } = options;
  return checked({ ...options, kind: "proactive", triggerSize, batchSize });
}

/** Options of {@link online}. */
export interface OnlineOptions {
  /** Samples per step. @default 128 */
  readonly batchSize?: number;
  /** Bounds on training. @default none */
  readonly budgets?: readonly BudgetSpec[];
  /** What happens to samples that come faster than steps. @default "block": their source waits */
  readonly overload?: OverloadPolicy;
}

/**
 * Online training: every sample once, as it comes.
 * @throws LearnOptionError for a number that is out of its range
 */
export function online(options: OnlineOptions = {}): OnlineSpec {
  return checked({
    ...options,
    kind: "online",
    batchSize: options.batchSize ?? BATCH_SIZE_DEFAULT,
  });
}

/** Options of {@link fullRetraining}; of `every` and `trigger` exactly one is given. */
export interface FullRetrainingOptions {
  /** Retrains after so many new samples, or after so much time. */
  readonly every?: { readonly samples: number } | { readonly ms: number };
  /** Retrains when this is due. */
  readonly trigger?: TriggerSpec;
  /** From the model's initial state, or from where training has come to. @default "cold" */
  readonly start?: "cold" | "warm";
  /** Passes over the samples. @default 10 */
  readonly epochs?: number;
  /** Samples per step. @default 128 */
  readonly batchSize?: number;
  /** Only so many of the newest samples. @default all */
  readonly window?: number;
  /** Bounds on training. @default none */
  readonly budgets?: readonly BudgetSpec[];
  /** See {@link FullRetrainingSpec.overload}. @default "grow" */
  readonly overload?: Exclude<OverloadPolicy, "skip">;
}

/**
 * Full retraining: now and then on the whole history, and everything that has changed is deployed at
 * once.
 * @throws LearnOptionError for a number that is out of its range, or unless exactly one of `every` and
 *   `trigger` is given
 */
export function fullRetraining(options: FullRetrainingOptions): FullRetrainingSpec {
  const { every, trigger, ...rest } = options;
  return checked<FullRetrainingSpec>({
    ...{ start: "cold", epochs: EPOCHS_DEFAULT, batchSize: BATCH_SIZE_DEFAULT },
    ...rest,
    kind: "fullRetraining",
    trigger: triggerOf(every, trigger),
  });
}

function triggerOf(
  every: FullRetrainingOptions["every"],
  trigger: TriggerSpec | undefined,
): TriggerSpec {
  if (every === undefined && trigger !== undefined) return trigger;
  if (every !== undefined && trigger === undefined) {
    return "samples" in every
      ? { kind: "byCount", samples: every.samples }
      : { kind: "byTime", everyMs: every.ms, of: "clock" };
  }
  const given = every === undefined ? "nothing" : "both";
  throw new LearnOptionError("every", given, "{ samples } or { ms }, or a trigger in its place");
}

function checked<Spec extends ProactiveSpec | OnlineSpec | FullRetrainingSpec>(spec: Spec): Spec {
  checkStrategySpec(spec);
  return spec;
}
