import { classes, Random, type Sample, type SampleSchema, streamOf } from "@everfresh/core";
import { readIndexed } from "../sources/indexed-samples.ts";
import type { ReadOptions, Source } from "../sources/source.ts";

/** Options of {@link hyperplane}. */
export interface HyperplaneOptions {
  /** Whole number of 0 or more; another seed gives other samples and weights. @default 0 */
  readonly seed?: number;
  /** Number of samples in all; null for no end. @default 200,000 */
  readonly size?: number | null;
  /** Numbers of a sample, 2 or more. @default 10 */
  readonly features?: number;
  /** How many of them have weights that move: the first ones. @default 2 */
  readonly moving?: number;
  /** By how much their weights change with each sample, 0 or more. @default 0.001 */
  readonly change?: number;
  /** Share of the samples with the other class than the plane says, 0 to 1. @default 0.05 */
  readonly noise?: number;
}

const TARGET = classes(2, ["below the plane", "on or above it"]);

/**
 * A plane that turns little by little (Hulten, Spencer, Domingos: "Mining time-changing data streams",
 * KDD 2001): features uniform in [0, 1), and
 *
 *   label = Σ w x ≥ ½ Σ w, or its opposite with probability `noise`
 *
 * Weights start anywhere in [0, 1). Those that move go up or down by `change` per sample, and turn
 * around at 0 and 1, where the authors' turn at random: so sample `i` is a pure function of the seed,
 * the options and `i`. It is dated `i` milliseconds after the epoch.
 * @throws RangeError for numbers that are out of their ranges
 */
export function hyperplane(options: HyperplaneOptions = {}): Source {
  const { seed = 0, size = 200_000, features = 10, moving = 2 } = options;
  const { change = 0.001, noise = 0.05 } = options;
  checkOptions({ seed, size, features, moving, change, noise });
  const stream = streamOf("hyperplane");
  const made = new Random(seed, streamOf("hyperplane weights"));
  // A weight goes round a circle of length 2: up from 0 to 1, and down again.
  const phases = Float64Array.from({ length: features }, () => 2 * made.float());
  const schema: SampleSchema = {
    features: { dtype: "float32", shape: [features] },
    target: TARGET,
  };
  const sampleAt = (position: number): Sample => {
    const random = new Random(seed, stream, position * 2 * (features + 1));
    const values = Float32Array.from({ length: features }, () => random.float());
    let [side, middle] = [0, 0];
    values.forEach((value, i) => {
      const turned = ((phases[i] ?? 0) + (i < moving ? change * position : 0)) % 2;
      const weight = turned < 1 ? turned : 2 - turned;
      side += weight * value;
      middle += weight / 2;
    });
    const isNoise = random.float() < noise;
    const label = side >= middle === isNoise ? 0 : 1;
    return { id: `hyperplane-${seed}-${position}`, eventTimeMs: position, features: values, label };
  };
  return {
    name: "hyperplane",
    schema,
    size,
    read: (readOptions?: ReadOptions) => readIndexed(size, sampleAt, readOptions),
  };
}

function checkOptions(options: Required<HyperplaneOptions>): void {
  const { seed, size, features, moving, change, noise } = options;
  for (const value of [seed, size ?? 0, features, moving]) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw new RangeError(
      `hyperplane() takes whole numbers of 0 or more as seed, size, features and moving, got ${value}`,
    );
  }
  if (features < 2 || features > 10_000) {
    throw new RangeError(`hyperplane() takes 2 to 10,000 features, got ${features}`);
  }
  if (moving > features) {
    throw new RangeError(`hyperplane() takes at most ${features} moving features, got ${moving}`);
  }
  if (!(change >= 0 && change <= 1)) {
    throw new RangeError(`hyperplane() takes a change of 0 to 1, got ${change}`);
  }
  if (!(noise >= 0 && noise <= 1)) {
    throw new RangeError(`hyperplane() takes noise 0 to 1, got ${noise}`);
  }
}
