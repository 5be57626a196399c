import {
  type FeatureStatistics,
  type Preprocessing,
  type Preprocessor,
  Random,
  type Sample,
  sizeOf,
  streamOf,
} from "@everfresh/core";
import type { TrainingBatch } from "@everfresh/engine";
import { type CacheUse, FeatureCache, type History } from "@everfresh/streams";
import { prepared } from "../preprocessing/prepared.ts";
import { statisticsBytes, statisticsFrom } from "../preprocessing/statistics-bytes.ts";
import { RecentFacts } from "./recent-facts.ts";

/** Where a batch stands. */
export interface BatchPlace {
  /**
   * Samples from this position on are new: that their features are not cached yet is not counted.
   * @default none are
   */
  readonly past?: number;
  /** Samples in the batches before it of the same iteration: what is augmented goes by it. @default 0 */
  readonly before?: number;
}

/** Gives samples of the history as the model takes them in training. */
export interface BatchReader {
  /**
   * The samples at these positions, in this order. One call at a time; what it gives is overwritten by
   * the call after the next one, so that a batch can be prepared while the one before is used.
   */
  read(positions: readonly number[], place?: BatchPlace): Promise<TrainingBatch>;
}

/** Where a reader is: the rest of what it gives follows from it, the statistics and the samples. */
export interface BatchReaderPosition {
  /** The statistics that features are made with now. */
  readonly statistics: Uint8Array;
  /** Random numbers drawn by augmentation. */
  readonly drawn: number;
}

/** A reader that remembers what it has read. */
export interface CachingBatchReader extends BatchReader {
  /** What was asked of the cache of features. */
  readonly use: CacheUse;
  /** Samples whose features have room in the cache. */
  readonly capacity: number;
  /**
   * From now on features are made with these statistics, unless those that they are made with are
   * within the tolerance of them: then what is cached still holds. Nothing else decides which ones it
   * is, so a run that goes on from a checkpoint, with nothing cached, comes to the same bits.
   */
  follow(statistics: FeatureStatistics): void;
  /** An iteration over so many samples, each as often as it was read, is done. */
  performed(samples: number): void;
  /** Where it is; undefined where preprocessing neither learns nor augments. */
  position(): BatchReaderPosition | undefined;
  /** Forgets the features of samples that are to be erased. */
  forget(positions: readonly number[]): void;
  /**
   * Event times of the samples at these positions, in this order, in milliseconds since the Unix epoch.
   * Only those that are not in memory are read again.
   */
  eventTimesMs(positions: readonly number[]): Promise<readonly number[]>;
}

/** How features are cached. */
export interface FeatureCacheSpec {
  /**
   * Memory for features, those of the newest samples: they are neither read nor preprocessed again.
   * Bytes, 0 or more. @default 256 MiB, enough for 85,000 samples of MNIST
   */
  readonly cacheBytesMax?: number;
  /**
   * How far the statistics that features are made with may be from the present ones, 0 or more: 0.01
   * lets a standardised number z be wrong by 0.01 · (1 + |z|). With 0 they are made anew whenever
   * statistics move. @default 0.01
   */
  readonly tolerance?: number;
}

/** Options of {@link batchReader}. */
export interface BatchReaderOptions extends FeatureCacheSpec {
  /** Of what augmentation draws. @default 0 */
  readonly seed?: number;
  /** Where to go on. */
  readonly position?: BatchReaderPosition | undefined;
}

/** Memory for cached features where nothing else is said, in bytes. */
export const CACHE_BYTES_DEFAULT: number = 2 ** 28;

/** How far cached features may be off where nothing else is said. */
export const TOLERANCE_DEFAULT: number = 0.01;

/** Random words that augmenting one sample takes. */
const WORDS_PER_SAMPLE = 8;

/** What a batch lies in. */
interface Arrays {
  readonly inputs: Float32Array;
  readonly targets: Int32Array;
}

/** Reads samples from the history, preprocesses them, and keeps the newest ones in memory. */
export function batchReader(
  history: Pick<History, "read">,
  preprocessing: Preprocessing | Preprocessor,
  options: BatchReaderOptions = {},
): CachingBatchReader {
  return new CachingReader(history, prepared(preprocessing), options);
}

class CachingReader implements CachingBatchReader {
  readonly #history: Pick<History, "read">;
  readonly #preprocessor: Preprocessor;
  readonly #tolerance: number;
  readonly #seed: number;
  readonly #cache: FeatureCache;
  readonly #facts: RecentFacts;
  /** Numbers of one sample. */
  readonly #length: number;
  readonly #augments: boolean;
  /** The statistics that features are made with. */
  #statistics: FeatureStatistics;
  #drawn: number;
  #batch: Arrays = arraysOf(0, 0);
  #otherBatch: Arrays = arraysOf(0, 0);

  constructor(
    history: Pick<History, "read">,
    preprocessor: Preprocessor,
    options: BatchReaderOptions,
  ) {
    const { cacheBytesMax: bytesMax = CACHE_BYTES_DEFAULT, position, seed = 0 } = options;
    const { spec } = preprocessor;
    this.#history = history;
    this.#preprocessor = preprocessor;
    this.#tolerance = options.tolerance ?? TOLERANCE_DEFAULT;
    this.#seed = seed;
    // What is near enough was decided before: here only the same statistics will do.
    this.#cache = new FeatureCache({ preprocessor, bytesMax, tolerance: 0 });
    this.#facts = new RecentFacts(this.#cache.capacity);
    this.#length = sizeOf(preprocessor.inputShape);
    this.#augments = spec.kind === "pipeline" && spec.augmentation !== undefined;
    this.#statistics =
      position === undefined
        ? preprocessor.initial()
        : statisticsFrom(position.statistics, preprocessor);
    this.#drawn = position?.drawn ?? 0;
  }

  get use(): CacheUse {
    return this.#cache.use;
  }

  get capacity(): number {
    return this.#cache.capacity;
  }

  follow(statistics: FeatureStatistics): void {
    const distance = this.#preprocessor.distance(this.#statistics, statistics);
    if (distance > this.#tolerance) this.#statistics = statistics;
  }

  performed(samples: number): void {
    if (this.#augments) this.#drawn += samples * WORDS_PER_SAMPLE;
  }

  position(): BatchReaderPosition | undefined {
    if (!this.#augments && this.#preprocessor.statistics.length === 0) return undefined;
    return { statistics: statisticsBytes(this.#statistics), drawn: this.#drawn };
  }

  forget(positions: readonly number[]): void {
    this.#cache.forget(positions);
  }

  async read(
    positions: readonly number[],
    { past = Infinity, before = 0 }: BatchPlace = {},
  ): Promise<TrainingBatch> {
    const size = positions.length;
    [this.#batch, this.#otherBatch] = [this.#otherBatch, this.#batch];
    if (size > this.#batch.targets.length) this.#batch = arraysOf(size, this.#length);
    const { inputs, targets } = this.#batch;
    const samples = new Map<number, Sample>();
    const read = (wanted: readonly number[]): Promise<readonly Sample[]> =>
      this.#read(wanted, samples);
    await this.#cache.read(positions, this.#statistics, {
      read: async (wanted) => (await read(wanted)).map(({ features }) => features),
      past,
      target: inputs,
    });
    const unknown = positions.filter((position) => this.#labelAt(position, samples) === null);
    if (unknown.length > 0) await read(unknown);
    for (let i = 0; i < size; i++) targets[i] = this.#labelAt(positions[i] ?? 0, samples) ?? 0;
    const batch = {
      inputs: inputs.subarray(0, size * this.#length),
      targets: targets.subarray(0, size),
      size,
    };
    if (this.#augments) {
      const drawn = this.#drawn + before * WORDS_PER_SAMPLE;
      const random = new Random(this.#seed, streamOf("augmentation"), drawn);
      this.#preprocessor.augment(batch.inputs, size, random);
    }
    return batch;
  }

  async eventTimesMs(positions: readonly number[]): Promise<readonly number[]> {
    const known = positions.map((position) => this.#facts.eventTimeAt(position));
    const missing = positions.filter((_, i) => known[i] === null);
    if (missing.length === 0) return known.filter((time) => time !== null);
    const samples = (await this.#history.read(missing))[Symbol.iterator]();
    return known.map((time) => time ?? samples.next().value?.eventTimeMs ?? NaN);
  }

  #labelAt(position: number, samples: ReadonlyMap<number, Sample>): number | null {
    return samples.get(position)?.label ?? this.#facts.labelAt(position);
  }

  async #read(positions: readonly number[], into: Map<number, Sample>): Promise<readonly Sample[]> {
    const samples = await this.#history.read(positions);
    samples.forEach((sample, i) => {
      const position = positions[i] ?? 0;
      into.set(position, sample);
      this.#facts.remember(position, sample);
    });
    return samples;
  }
}

function arraysOf(size: number, length: number): Arrays {
  return { inputs: new Float32Array(size * length), targets: new Int32Array(size) };
}
