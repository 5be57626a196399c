import { assert, classes, Random, type Sample, type SampleSchema, streamOf } from "@everfresh/core";
import { readIndexed } from "../sources/indexed-samples.ts";
import type { ReadOptions, Source } from "../sources/source.ts";
import type { Split } from "../sources/mnist.ts";
import { IMAGE_SIZE, writeDigit } from "./handwriting.ts";
import { rasterise } from "./rasterise.ts";

/** An abrupt change of the digits from one sample on. */
export type DigitsDrift =
  | {
      readonly kind: "rotation";
      /** Position of the first changed sample. */
      readonly fromSample: number;
      /** Clockwise. */
      readonly degrees: number;
    }
  | {
      readonly kind: "inversion";
      /** Position of the first changed sample: black on white from there. */
      readonly fromSample: number;
    };

/** Options of {@link digits}. */
export interface DigitsOptions {
  /** Whole number of 0 or more; another seed writes other digits. @default 0 */
  readonly seed?: number;
  /** Number of samples in all; null for no end. @default null */
  readonly size?: number | null;
  /** The two splits of a seed have no sample in common. @default "train" */
  readonly split?: Split;
  /** @default no drift */
  readonly drift?: DigitsDrift;
}

/** Random words set aside for each sample, several times what one needs. */
const WORDS_PER_SAMPLE = 1024;

/** Range of the grain of paper and scanner, as a share of full ink. */
const GRAIN = 0.2;

const CLASSES = 10;

const SCHEMA: SampleSchema = {
  features: { dtype: "uint8", shape: [1, IMAGE_SIZE, IMAGE_SIZE] },
  target: classes(CLASSES),
};

/**
 * Digits that look handwritten, drawn on demand: 28 × 28 grey pixels, white on black, labels
 * uniform at random, in the form of MNIST. Sample `i` is a pure function of the seed, the split and
 * `i`, and is dated `i` milliseconds after the epoch.
 * @throws RangeError for a seed, size or drift position that is not a whole number of 0 or more
 */
export function digits(options: DigitsOptions = {}): Source {
  const { seed = 0, size = null, split = "train", drift } = options;
  for (const value of [seed, size ?? 0, drift?.fromSample ?? 0]) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(
        `digits() takes whole numbers of 0 or more as seed, size and fromSample, got ${value}`,
      );
    }
  }
  const name = `digits-${split}`;
  const stream = streamOf(name);
  const sampleAt = (position: number): Sample => {
    const start = position * WORDS_PER_SAMPLE;
    const random = new Random(seed, stream, start);
    const label = random.below(CLASSES);
    const features = paint(label, random, drift && position >= drift.fromSample ? drift : null);
    assert(random.position.drawn - start <= WORDS_PER_SAMPLE, "a digit took too many random words");
    return { id: `${name}-${seed}-${position}`, eventTimeMs: position, features, label };
  };
  return {
    name,
    schema: SCHEMA,
    size,
    read: (readOptions?: ReadOptions) => readIndexed(size, sampleAt, readOptions),
  };
}

function paint(digit: number, random: Random, drift: DigitsDrift | null): Uint8Array {
  const turn = drift?.kind === "rotation" ? (drift.degrees * Math.PI) / 180 : 0;
  const softness = random.uniform(0.8, 1.3);
  const ink = random.uniform(0.95, 1.3);
  const coverage = rasterise(writeDigit(digit, random, turn), IMAGE_SIZE, softness);
  const pixels = new Uint8Array(coverage.length);
  // Grain shows only where there is ink: the ground of such images is clean. One random word gives
  // the grain of four pixels, a byte each.
  let grain = 0;
  let grainBytes = 0;
  for (let i = 0; i < coverage.length; i++) {
    const covered = coverage[i] ?? 0;
    if (covered === 0) continue;
    if (grainBytes === 0) {
      grain = random.uint32();
      grainBytes = 4;
    }
    const noise = ((grain & 255) / 255 - 0.5) * GRAIN;
    grain >>>= 8;
    grainBytes--;
    pixels[i] = Math.max(0, Math.min(255, Math.round(255 * (covered * ink + noise * covered))));
  }
  return drift?.kind === "inversion" ? pixels.map((value) => 255 - value) : pixels;
}
