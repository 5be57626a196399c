import { classes, Random, type Sample, type SampleSchema, streamOf } from "@everfresh/core";
import { readIndexed } from "../sources/indexed-samples.ts";
import type { ReadOptions, Source } from "../sources/source.ts";

/** One concept of the SEA stream, from a sample on. */
export interface SeaConcept {
  /** Position of its first sample. */
  readonly fromSample: number;
  /** A sample is of class 1 when its first two features sum up to more. */
  readonly theta: number;
}

/** Options of {@link sea}. */
export interface SeaOptions {
  /** Whole number of 0 or more; another seed gives other samples. @default 0 */
  readonly seed?: number;
  /** Number of samples in all; null for no end. @default 50,000 */
  readonly size?: number | null;
  /** In their order; the first from sample 0. @default {@link SEA_CONCEPTS} */
  readonly concepts?: readonly SeaConcept[];
  /** Share of the samples with the other class than their concept says, 0 to 1. @default 0.1 */
  readonly noise?: number;
}

/** The four concepts of the paper, 12,500 samples each. */
export const SEA_CONCEPTS: readonly SeaConcept[] = [
  { fromSample: 0, theta: 8 },
  { fromSample: 12_500, theta: 9 },
  { fromSample: 25_000, theta: 7 },
  { fromSample: 37_500, theta: 9.5 },
];

const FEATURES = 3;
const FEATURE_MAX = 10;

/** Three features and the noise, of two random words each. */
const WORDS_PER_SAMPLE = 2 * (FEATURES + 1);

const SCHEMA: SampleSchema = {
  features: { dtype: "float32", shape: [FEATURES] },
  target: classes(2, ["sum up to theta", "sum above theta"]),
};

/**
 * SEA: three features, uniform in [0, 10), of which the third means nothing, and classes whose border
 * jumps (Street, Kim: "A streaming ensemble algorithm (SEA) for large-scale classification", KDD 2001):
 *
 *   label = x₀ + x₁ > θ, or its opposite with probability `noise`
 *
 * Sample `i` is a pure function of the seed, the options and `i`, and is dated `i` milliseconds after
 * the epoch. Other concepts or another noise change labels only.
 * @throws RangeError for numbers that are out of their ranges, or concepts that are not in order
 */
export function sea(options: SeaOptions = {}): Source {
  const { seed = 0, size = 50_000, concepts = SEA_CONCEPTS, noise = 0.1 } = options;
  checkOptions({ seed, size, concepts, noise });
  const stream = streamOf("sea");
  const sampleAt = (position: number): Sample => {
    const random = new Random(seed, stream, position * WORDS_PER_SAMPLE);
    const features = Float32Array.from({ length: FEATURES }, () => FEATURE_MAX * random.float());
    const theta = concepts.findLast(({ fromSample }) => fromSample <= position)?.theta ?? 0;
    // Of the values as they are sent, so that the border is exactly where the features say.
    const isAbove = (features[0] ?? 0) + (features[1] ?? 0) > theta;
    const isNoise = random.float() < noise;
    const label = isAbove === isNoise ? 0 : 1;
    return { id: `sea-${seed}-${position}`, eventTimeMs: position, features, label };
  };
  return {
    name: "sea",
    schema: SCHEMA,
    size,
    read: (readOptions?: ReadOptions) => readIndexed(size, sampleAt, readOptions),
  };
}

function checkOptions({ seed, size, concepts, noise }: Required<SeaOptions>): void {
  for (const value of [seed, size ?? 0, ...concepts.map(({ fromSample }) => fromSample)]) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw new RangeError(
      `sea() takes whole numbers of 0 or more as seed, size and fromSample, got ${value}`,
    );
  }
  const starts = concepts.map(({ fromSample }) => fromSample);
  if (starts[0] !== 0 || starts.some((start, i) => i > 0 && start <= (starts[i - 1] ?? 0))) {
    throw new RangeError(`sea() takes concepts from 0 on, in order, got [${starts.join(", ")}]`);
  }
  const thetas = concepts.map(({ theta }) => theta);
  if (!thetas.every(Number.isFinite)) {
    throw new RangeError(`sea() takes finite numbers as theta, got [${thetas.join(", ")}]`);
  }
  if (!(noise >= 0 && noise <= 1)) throw new RangeError(`sea() takes noise 0 to 1, got ${noise}`);
}
