import {
  classBalancedSampling,
  frozen,
  fullRetraining,
  online,
  proactive,
  type SamplerSpec,
  type StrategySpec,
  timeBasedSampling,
  uniformSampling,
  windowSampling,
} from "@everfresh/learn";

/** A strategy of the tables. */
export interface NamedStrategy {
  /** Of its rows' files. */
  readonly name: string;
  /** For people. */
  readonly label: string;
  readonly spec: StrategySpec;
  /** Whether it only ever meets the new concept, from the first sample on: what to come back to. */
  readonly isReference?: boolean;
}

/** Samples per step. */
export const BATCH_SIZE = 128;
/** New samples per step of proactive training. */
const TRIGGER_SIZE = 8;
/** Passes of a retraining over all samples so far, from new weights. */
const RETRAINING_EPOCHS = 10;

/** The strategies that never sample, and the two samplers that are compared first. */
const COMPARED: readonly NamedStrategy[] = [
  { name: "frozen", label: "frozen", spec: frozen() },
  { name: "online", label: "online", spec: online({ batchSize: BATCH_SIZE }) },
  retraining(1_000),
  retraining(5_000),
  sampled("uniform", "uniform", uniformSampling()),
  sampled("window-1000", "window 1,000", windowSampling({ samples: 1_000 })),
];

/** More samplers, among which to find one that is good everywhere. */
const SAMPLERS: readonly NamedStrategy[] = [
  ...[250, 500, 2_000, 5_000].map((samples) =>
    sampled(`window-${samples}`, `window ${number(samples)}`, windowSampling({ samples })),
  ),
  ...[125, 250, 500, 1_000, 2_000, 4_000].map(halfLife),
  sampled("linear", "linear recency", timeBasedSampling()),
  sampled("class-balanced", "class-balanced", classBalancedSampling()),
  sampled("half-life-500-t32", "half-life 500, t = 32", halfLifeOf(500), 32),
  sampled("uniform-t32", "uniform, t = 32", uniformSampling(), 32),
];

/** What is compared on streams of numbers. */
export const TABULAR_STRATEGIES: readonly NamedStrategy[] = [...COMPARED, ...SAMPLERS];

/** What is tried on streams that no sampler was chosen by. */
export const UNSEEN_STRATEGIES: readonly NamedStrategy[] = TABULAR_STRATEGIES.filter(
  ({ spec, name }) => spec.kind !== "fullRetraining" && !name.endsWith("-t32"),
);

/** What is compared on images. */
export const IMAGE_STRATEGIES: readonly NamedStrategy[] = [
  {
    ...sampled("reference", "new concept only, learning", uniformSampling()),
    isReference: true,
  },
  {
    name: "reference-frozen",
    label: "new concept only, frozen",
    spec: frozen(),
    isReference: true,
  },
  ...COMPARED.filter(({ spec }) => spec.kind !== "fullRetraining"),
  sampled("window-5000", "window 5,000", windowSampling({ samples: 5_000 })),
  halfLife(500),
  halfLife(2_000),
];

function retraining(samples: number): NamedStrategy {
  return {
    name: `retraining-${samples}`,
    label: `retraining every ${number(samples)}`,
    spec: fullRetraining({
      trigger: { kind: "byCount", samples },
      start: "cold",
      epochs: RETRAINING_EPOCHS,
      batchSize: BATCH_SIZE,
    }),
  };
}

function halfLife(samples: number): NamedStrategy {
  return sampled(`half-life-${samples}`, `half-life ${number(samples)}`, halfLifeOf(samples));
}

function halfLifeOf(samples: number): SamplerSpec {
  return timeBasedSampling({ halfLifeSamples: samples });
}

function sampled(
  name: string,
  label: string,
  sampler: SamplerSpec,
  triggerSize: number = TRIGGER_SIZE,
): NamedStrategy {
  return { name, label, spec: proactive({ triggerSize, batchSize: BATCH_SIZE, sampler }) };
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
