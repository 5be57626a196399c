import {
  type DetectorSpec,
  type DriftResponse,
  type DriftSpec,
  frozen,
  fullRetraining,
  growingMemorySampling,
  online,
  proactive,
  type SamplerSpec,
  type StrategySpec,
  timeBasedSampling,
  uniformSampling,
  windowSampling,
} from "@everfresh/learn";
import { BATCH_SIZE } from "../streams/strategies.ts";
import { DETECTORS } from "./detectors.ts";

/** What a policy watches a stream by. */
export type WatchSpec =
  | { readonly kind: "monitor"; readonly spec: DriftSpec }
  /** A detector on the errors of the model that learns. */
  | { readonly kind: "detector"; readonly spec: DetectorSpec };

/** How a model is kept good on a stream that may change. */
export interface Policy {
  readonly name: string;
  /** What trains; null for an answer without a model. */
  readonly strategy: StrategySpec | null;
  /** What tells it of changes; null where nothing does. */
  readonly watch: WatchSpec | null;
}

/** New samples per step. */
const TRIGGER_SIZE = 8;
const WINDOW_SAMPLES = 1_000;
/** Passes of a periodic retraining over all samples so far, from new weights. */
const RETRAINING_EPOCHS = 10;

/** Starts from new weights, and forgets what came before the alarm. */
const RESET: DriftResponse = {
  onWarning: { kind: "nothing" },
  onDrift: { kind: "retrain", start: "cold", steps: 1, samplesMin: 1 },
};

/** All default signals. */
const ENSEMBLE: WatchSpec = { kind: "monitor", spec: {} };

/** Policies that are not the name of a detector or a period. */
const NAMED: Readonly<Record<string, Omit<Policy, "name">>> = {
  ensemble: {
    strategy: sampled(growingMemorySampling(), {}),
    watch: ENSEMBLE,
  },
  "ensemble-uniform": {
    strategy: sampled(uniformSampling(), {}),
    watch: ENSEMBLE,
  },
  never: fixed(sampled(uniformSampling())),
  frozen: fixed(frozen()),
  "sliding-window": fixed(sampled(windowSampling({ samples: WINDOW_SAMPLES }))),
  online: fixed(online({ batchSize: BATCH_SIZE })),
  "half-life-500": fixed(sampled(timeBasedSampling({ halfLifeSamples: 500 }))),
  "growing-memory": fixed(sampled(growingMemorySampling())),
  "no-change": { strategy: null, watch: null },
  majority: { strategy: null, watch: null },
};

/** What is compared unless asked otherwise. */
export const POLICIES_DEFAULT: readonly string[] = [
  ...["ensemble", "never", "frozen", "sliding-window", "online", "periodic-5000", "half-life-500"],
  ...["no-change", "majority", "change-scan-window"],
  ...Object.keys(DETECTORS),
];

const WINDOW_SUFFIX = "-window";

/** What names of policies there are, for people. */
export const POLICY_NAMES: readonly string[] = [
  ...Object.keys(NAMED),
  "periodic-N",
  ...Object.keys(DETECTORS),
];

/**
 * The policy of a name: one of those above; `periodic-N`, training on everything anew every N samples;
 * the name of a detector, new weights and forgetting at its alarms; or that with `-window`: our own
 * response to its alarms.
 * @throws Error when there is none
 */
export function policyOf(name: string): Policy {
  const named = NAMED[name];
  if (named !== undefined) return { name, ...named };
  const period = /^periodic-([1-9]\d*)$/.exec(name)?.[1];
  if (period !== undefined) return { name, ...fixed(periodic(Number(period))) };
  const isWindow = name.endsWith(WINDOW_SUFFIX);
  const spec = DETECTORS[isWindow ? name.slice(0, -WINDOW_SUFFIX.length) : name];
  if (spec === undefined) {
    throw new Error(`--policies takes ${POLICY_NAMES.join(", ")}, not "${name}"`);
  }
  const strategy = isWindow
    ? sampled(growingMemorySampling(), {})
    : sampled(uniformSampling(), RESET);
  return { name, strategy, watch: { kind: "detector", spec } };
}

function fixed(strategy: StrategySpec): Omit<Policy, "name"> {
  return { strategy, watch: null };
}

function sampled(sampler: SamplerSpec, response?: DriftResponse): StrategySpec {
  const how = { triggerSize: TRIGGER_SIZE, batchSize: BATCH_SIZE, sampler };
  return proactive(response === undefined ? how : { ...how, response });
}

function periodic(samples: number): StrategySpec {
  return fullRetraining({
    trigger: { kind: "byCount", samples },
    start: "cold",
    epochs: RETRAINING_EPOCHS,
    batchSize: BATCH_SIZE,
  });
}
