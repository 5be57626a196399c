import { Random } from "@everfresh/core";

/** How a stream of samples that change at random is made. */
export interface ChangingSamplesOptions {
  readonly seed: number;
  readonly samples: number;
  /** Mean number of samples between two changes. */
  readonly changeEvery: number;
  /** Autocorrelation of neighbouring errors, and features. */
  readonly errorCorrelation: number;
  readonly featureCorrelation: number;
  /** The part of a feature's variance that is noise, which hides the correlation. */
  readonly noise: number;
  /** Whether a change takes up to 800 samples. */
  readonly isGradual: boolean;
}

/** A sample, what a model that knows two classes says, and its label. */
export interface ChangingSample {
  /** Whether a change begins with it. */
  readonly isChange: boolean;
  readonly features: Float32Array;
  readonly probabilities: readonly [number, number];
  readonly label: number;
}

/** Features of a sample. */
export const CHANGING_FEATURES = 8;

/** No two changes are nearer, and no gradual one takes longer. */
const APART_MIN = 300;
const GRADUAL_MAX = 800;

/** What a stream is like between changes. */
interface Regime {
  readonly means: Float64Array;
  errors: number;
  /** How sure predictions are. */
  sure: number;
}

/** A change on its way. */
interface Change {
  readonly to: Regime;
  /** Samples until it is complete. */
  readonly left: number;
}

/**
 * Samples whose errors, features, or both change, or how sure the model is of them: at exponential
 * distances, by random amounts from hardly visible to large, three times in four for the worse.
 */
export function* changingSamples(
  options: ChangingSamplesOptions,
): Generator<ChangingSample, void, void> {
  const { seed, samples, changeEvery, errorCorrelation, featureCorrelation, noise } = options;
  const random = new Random(seed, 4242);
  const distance = (): number => Math.ceil(-Math.log(1 - random.float()) * changeEvery);
  const now: Regime = {
    means: new Float64Array(CHANGING_FEATURES),
    errors: random.uniform(0.1, 0.3),
    sure: 1.5,
  };
  let next = distance();
  let goal: Change | null = null;
  const past = Float32Array.from({ length: CHANGING_FEATURES }, () => random.normal());
  let error: number | null = null;
  for (let i = 0; i < samples; i++) {
    const isChange = i === next;
    if (isChange) {
      next = i + Math.max(APART_MIN, distance());
      goal = {
        to: changed(now, random),
        left: options.isGradual ? 1 + random.below(GRADUAL_MAX) : 1,
      };
    }
    if (goal !== null) {
      const { to, left }: Change = goal;
      now.means.forEach((mean, k) => {
        now.means[k] = mean + ((to.means[k] ?? 0) - mean) / left;
      });
      now.errors += (to.errors - now.errors) / left;
      now.sure += (to.sure - now.sure) / left;
      goal = left === 1 ? null : { to, left: left - 1 };
    }
    const features = new Float32Array(CHANGING_FEATURES);
    for (let k = 0; k < CHANGING_FEATURES; k++) {
      const fresh = Math.sqrt(1 - featureCorrelation ** 2) * random.normal();
      past[k] = featureCorrelation * (past[k] ?? 0) + fresh;
      const own = Math.sqrt(1 - noise) * (past[k] ?? 0) + Math.sqrt(noise) * random.normal();
      features[k] = (now.means[k] ?? 0) + own;
    }
    if (error === null || random.float() >= errorCorrelation) {
      error = random.float() < now.errors ? 1 : 0;
    }
    const score = ((features[0] ?? 0) - 0.5 * (now.means[0] ?? 0) + (features[1] ?? 0)) * now.sure;
    const sure = 1 / (1 + Math.exp(-Math.abs(score)));
    const guess = score > 0 ? 1 : 0;
    const probabilities = guess === 1 ? ([1 - sure, sure] as const) : ([sure, 1 - sure] as const);
    yield { isChange, features, probabilities, label: error === 1 ? 1 - guess : guess };
  }
}

/** Another regime: errors, features, both, or how sure predictions are, with errors. */
function changed(now: Regime, random: Random): Regime {
  const kind = (["errors", "features", "both", "sure"] as const)[random.below(4)];
  const means = Float64Array.from(now.means);
  const worse = random.float() < 0.75 ? 1 : -1;
  const by = worse * random.uniform(0.04, 0.34);
  const errors = kind === "features" ? now.errors : Math.min(0.8, Math.max(0.03, now.errors + by));
  const sure = kind === "sure" ? now.sure * Math.exp(-worse * random.uniform(0.2, 1)) : now.sure;
  const moved = kind === "features" || kind === "both" ? 1 + random.below(3) : 0;
  for (let i = 0; i < moved; i++) {
    const k = random.below(CHANGING_FEATURES);
    means[k] = (means[k] ?? 0) + (random.float() < 0.5 ? -1 : 1) * random.uniform(0.2, 1.5);
  }
  return { means, errors, sure };
}
