import {
  assert,
  type Features,
  type FeatureStatistics,
  type Preprocessor,
  sizeOf,
} from "@everfresh/core";

/** Options of {@link FeatureCache}. */
export interface FeatureCacheOptions {
  /** What makes the features; what it augments is never cached. */
  readonly preprocessor: Preprocessor;
  /** Memory for cached features, in bytes: taken bit by bit as they come. */
  readonly bytesMax: number;
  /**
   * Cached features are made anew once their statistics are farther than this from those asked for,
   * see `Preprocessor.distance`: 0.01 lets a standardised number z be wrong by 0.01 · (1 + |z|).
   * @default 0.01
   */
  readonly tolerance?: number;
}

/** What was asked of a cache since it was made. */
export interface CacheUse {
  /** Features of samples that were asked for. */
  readonly asked: number;
  /** Of these, cached ones. */
  readonly cached: number;
  /** Of these, made because they were not there: evicted, or from before the cache. */
  readonly absent: number;
  /** Of these, made because their statistics were too old. */
  readonly stale: number;
  /** Share of those asked for that were there, stale or not: μ; 1 before anything was asked. */
  readonly utilisation: number;
}

/** Reads the raw features of samples at positions of a history, in that order. */
export type RawReader = (positions: readonly number[]) => Promise<readonly Features[]>;

/** How {@link FeatureCache.read} goes about it. */
export interface CacheReadOptions {
  /** Reads what is not there. */
  readonly read: RawReader;
  /** Samples from this position on are new: they do not count as asked for. @default none are */
  readonly past?: number;
  /** Where the features go. @default new memory */
  readonly target?: Float32Array;
}

const TOLERANCE_DEFAULT = 0.01;

/** What a cached sample takes beside its numbers: its position and a reference, about. */
const OVERHEAD_BYTES = 16;

/** Samples that get their memory together. */
const SLAB_SAMPLES = 256;

/** Memory of neighbouring places. */
interface Slab {
  readonly features: Float32Array;
  /** Which sample is at a place; −1 for none. */
  readonly positions: Float64Array;
  /** What its features were made with; null for none. */
  readonly statistics: (FeatureStatistics | null)[];
}

/**
 * Features as the model takes them, of the newest samples of a history that fit the budget: the oldest
 * go first, and what is not there is made again when it is asked for. Dynamic materialisation of
 * Derakhshan et al. (EDBT 2019), with what they leave open: cached features know the statistics that
 * they were made with, and are made again once these have moved too far.
 */
export class FeatureCache {
  readonly #preprocessor: Preprocessor;
  readonly #tolerance: number;
  readonly #size: number;
  readonly #capacity: number;
  /** Position `p` has the place `p mod capacity`, which is in the slab ⌊place / SLAB_SAMPLES⌋. */
  readonly #slabs: Map<number, Slab> = new Map<number, Slab>();
  #newest = -1;
  #asked = 0;
  #absent = 0;
  #stale = 0;

  constructor({ preprocessor, bytesMax, tolerance = TOLERANCE_DEFAULT }: FeatureCacheOptions) {
    assert(bytesMax >= 0 && tolerance >= 0, "a cache has a budget and a tolerance of 0 or more");
    this.#preprocessor = preprocessor;
    this.#tolerance = tolerance;
    this.#size = sizeOf(preprocessor.inputShape);
    this.#capacity = Math.floor(bytesMax / (this.#size * 4 + OVERHEAD_BYTES));
  }

  /** How many samples have room. */
  get capacity(): number {
    return this.#capacity;
  }

  /** What was asked of this cache. */
  get use(): CacheUse {
    const [asked, absent, stale] = [this.#asked, this.#absent, this.#stale];
    const utilisation = asked === 0 ? 1 : (asked - absent) / asked;
    return { asked, cached: asked - absent - stale, absent, stale, utilisation };
  }

  /**
   * Takes in samples that a history has just got, from a position on, and gives their features.
   * @throws ShapeError, ValueRangeError as `Preprocessor.transform`
   */
  append(from: number, batch: readonly Features[], statistics: FeatureStatistics): Float32Array {
    const made = this.#preprocessor.transform(statistics, batch);
    this.#newest = Math.max(this.#newest, from + batch.length - 1);
    batch.forEach((_, i) => this.#put(from + i, this.#one(made, i), statistics));
    return made;
  }

  /**
   * The features of samples at positions, in that order: float32, one sample after another, the
   * caller's own.
   * @throws what `read` throws; ShapeError, ValueRangeError as `Preprocessor.transform`
   */
  async read(
    positions: readonly number[],
    statistics: FeatureStatistics,
    options: RawReader | CacheReadOptions,
  ): Promise<Float32Array> {
    const {
      read,
      past = Infinity,
      target: result = new Float32Array(positions.length * this.#size),
    } = typeof options === "function" ? { read: options } : options;
    const distances = new Map<FeatureStatistics, number>([[statistics, 0]]);
    const missing: number[] = [];
    for (const [i, position] of positions.entries()) {
      const counts = position < past ? 1 : 0;
      this.#asked += counts;
      const slab = this.#slabOf(position);
      const then = slab?.statistics[this.#placeIn(position)] ?? null;
      if (slab === null || then === null) this.#absent += counts;
      else if (this.#isNear(then, statistics, distances)) {
        result.set(this.#one(slab.features, this.#placeIn(position)), i * this.#size);
        continue;
      } else this.#stale += counts;
      missing.push(i);
    }
    if (missing.length === 0) return result;
    const wanted = missing.map((i) => positions[i] ?? 0);
    const made = this.#preprocessor.transform(statistics, await read(wanted));
    assert(made.length === wanted.length * this.#size, "a reader gives what it is asked for");
    for (const [k, i] of missing.entries()) {
      result.set(this.#one(made, k), i * this.#size);
      this.#put(positions[i] ?? 0, this.#one(made, k), statistics);
    }
    return result;
  }

  /** Forgets the features of samples that are to be erased. */
  forget(positions: readonly number[]): void {
    for (const position of positions) {
      const slab = this.#slabOf(position);
      if (slab === null) continue;
      const place = this.#placeIn(position);
      this.#one(slab.features, place).fill(0);
      slab.statistics[place] = null;
    }
  }

  #isNear(
    then: FeatureStatistics,
    now: FeatureStatistics,
    distances: Map<FeatureStatistics, number>,
  ): boolean {
    const distance = distances.get(then) ?? this.#preprocessor.distance(then, now);
    distances.set(then, distance);
    return distance <= this.#tolerance;
  }

  /** The memory that holds the features of a sample; null where none does. */
  #slabOf(position: number): Slab | null {
    const slab = this.#slabs.get(Math.floor((position % this.#capacity) / SLAB_SAMPLES));
    return slab?.positions[this.#placeIn(position)] === position ? slab : null;
  }

  /** Where in its slab a sample has its place. */
  #placeIn(position: number): number {
    return (position % this.#capacity) % SLAB_SAMPLES;
  }

  /** Keeps features if their sample is among the newest that have room. */
  #put(position: number, features: Float32Array, statistics: FeatureStatistics): void {
    this.#newest = Math.max(this.#newest, position);
    if (position <= this.#newest - this.#capacity) return;
    const number = Math.floor((position % this.#capacity) / SLAB_SAMPLES);
    const slab = this.#slabs.get(number) ?? this.#newSlab(number);
    const place = this.#placeIn(position);
    slab.features.set(features, place * this.#size);
    slab.positions[place] = position;
    slab.statistics[place] = statistics;
  }

  #newSlab(number: number): Slab {
    const samples = Math.min(SLAB_SAMPLES, this.#capacity - number * SLAB_SAMPLES);
    const slab = {
      features: new Float32Array(samples * this.#size),
      positions: new Float64Array(samples).fill(-1),
      statistics: new Array<FeatureStatistics | null>(samples).fill(null),
    };
    this.#slabs.set(number, slab);
    return slab;
  }

  #one(features: Float32Array, place: number): Float32Array {
    return features.subarray(place * this.#size, (place + 1) * this.#size);
  }
}
