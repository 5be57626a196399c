import { inputShapeOf, type Preprocessing, preprocessInto, sizeOf } from "@everfresh/core";
import type { TrainingBatch } from "@everfresh/engine";
import type { History } from "@everfresh/streams";

/** Gives samples of the history as the model takes them. */
export interface BatchReader {
  /**
   * The samples at these positions, in this order. One call at a time; what it gives is overwritten by
   * the call after the next one, so that a batch can be prepared while the one before is used.
   */
  read(positions: readonly number[]): Promise<TrainingBatch>;
}

/** A reader that remembers what it has read. */
export interface CachingBatchReader extends BatchReader {
  /**
   * Event times of the samples at these positions, in this order, in milliseconds since the Unix epoch.
   * Only those that are not in memory are read again.
   */
  eventTimesMs(positions: readonly number[]): Promise<readonly number[]>;
}

/** Options of {@link batchReader}. */
export interface BatchReaderOptions {
  /**
   * Memory for preprocessed samples, the newest ones: they are neither read nor preprocessed again.
   * @default 256 MiB, enough for 80,000 samples of MNIST
   */
  readonly cacheBytesMax?: number;
}

const CACHE_BYTES_DEFAULT = 2 ** 28;

/** Samples that are dropped together when the cache is full. */
const SLAB_SAMPLES = 256;

/** What a sample takes beside its inputs: the view of its row, its label and its event time. */
const ROW_BYTES = 128;

/** Neighbours in the history, preprocessed. */
interface Slab {
  readonly inputs: Float32Array;
  /** The part of it that is a sample's; undefined for one that is not there yet. */
  readonly rows: (Float32Array | undefined)[];
  readonly labels: Int32Array;
  readonly eventTimesMs: Float64Array;
}

/** What a batch lies in. */
interface Arrays {
  readonly inputs: Float32Array;
  readonly targets: Int32Array;
}

/** Reads samples from the history, preprocesses them, and keeps the newest ones in memory. */
export function batchReader(
  history: Pick<History, "read">,
  preprocessing: Preprocessing,
  { cacheBytesMax = CACHE_BYTES_DEFAULT }: BatchReaderOptions = {},
): CachingBatchReader {
  return new CachingReader(history, preprocessing, cacheBytesMax);
}

class CachingReader implements CachingBatchReader {
  readonly #history: Pick<History, "read">;
  readonly #preprocessing: Preprocessing;
  /** Numbers of one sample. */
  readonly #length: number;
  readonly #slabsMax: number;
  readonly #slabs: Map<number, Slab> = new Map<number, Slab>();
  #batch: Arrays = arraysOf(0, 0);
  #otherBatch: Arrays = arraysOf(0, 0);

  constructor(history: Pick<History, "read">, preprocessing: Preprocessing, cacheBytesMax: number) {
    this.#history = history;
    this.#preprocessing = preprocessing;
    this.#length = sizeOf(inputShapeOf(preprocessing));
    this.#slabsMax = Math.floor(cacheBytesMax / (SLAB_SAMPLES * (4 * this.#length + ROW_BYTES)));
  }

  async read(positions: readonly number[]): Promise<TrainingBatch> {
    const size = positions.length;
    [this.#batch, this.#otherBatch] = [this.#otherBatch, this.#batch];
    if (size > this.#batch.targets.length) this.#batch = arraysOf(size, this.#length);
    const { inputs, targets } = this.#batch;
    const missing: number[] = [];
    for (let i = 0; i < size; i++) if (!this.#recall(positions[i] ?? 0, i)) missing.push(i);
    if (missing.length > 0) await this.#load(positions, missing);
    return {
      inputs: inputs.subarray(0, size * this.#length),
      targets: targets.subarray(0, size),
      size,
    };
  }

  async eventTimesMs(positions: readonly number[]): Promise<readonly number[]> {
    const known = positions.map((position) => {
      const slab = this.#slabs.get(Math.floor(position / SLAB_SAMPLES));
      const at = position % SLAB_SAMPLES;
      return slab?.rows[at] === undefined ? null : (slab.eventTimesMs[at] ?? 0);
    });
    const missing = positions.filter((_, i) => known[i] === null);
    if (missing.length === 0) return known.filter((time) => time !== null);
    const samples = (await this.#history.read(missing))[Symbol.iterator]();
    return known.map((time) => time ?? samples.next().value?.eventTimeMs ?? NaN);
  }

  /** Copies a sample from the cache to row `i` of the batch; false when it is not there. */
  #recall(position: number, i: number): boolean {
    const slab = this.#slabs.get(Math.floor(position / SLAB_SAMPLES));
    const at = position % SLAB_SAMPLES;
    const row = slab?.rows[at];
    if (slab === undefined || row === undefined) return false;
    this.#batch.inputs.set(row, i * this.#length);
    this.#batch.targets[i] = slab.labels[at] ?? 0;
    return true;
  }

  /** Reads and preprocesses the rows of the batch that are missing. */
  async #load(positions: readonly number[], rows: readonly number[]): Promise<void> {
    const samples = await this.#history.read(rows.map((i) => positions[i] ?? 0));
    const { inputs, targets } = this.#batch;
    samples.forEach(({ features, label, eventTimeMs }, n) => {
      const i = rows[n] ?? 0;
      preprocessInto(this.#preprocessing, features, inputs, i * this.#length);
      targets[i] = label;
      this.#keep(positions[i] ?? 0, i, eventTimeMs);
    });
  }

  #keep(position: number, i: number, eventTimeMs: number): void {
    const slab = this.#slabFor(Math.floor(position / SLAB_SAMPLES));
    if (slab === null) return;
    const at = position % SLAB_SAMPLES;
    const row = slab.inputs.subarray(at * this.#length, (at + 1) * this.#length);
    row.set(this.#batch.inputs.subarray(i * this.#length, (i + 1) * this.#length));
    slab.rows[at] = row;
    slab.labels[at] = this.#batch.targets[i] ?? 0;
    slab.eventTimesMs[at] = eventTimeMs;
  }

  /** A slab that is there or has room; the oldest one makes it where there is none. */
  #slabFor(number: number): Slab | null {
    const known = this.#slabs.get(number);
    if (known !== undefined) return known;
    if (this.#slabs.size >= this.#slabsMax) {
      const oldest = Math.min(...this.#slabs.keys());
      if (number < oldest) return null;
      this.#slabs.delete(oldest);
    }
    const slab = {
      inputs: new Float32Array(SLAB_SAMPLES * this.#length),
      rows: new Array<Float32Array | undefined>(SLAB_SAMPLES).fill(undefined),
      labels: new Int32Array(SLAB_SAMPLES),
      eventTimesMs: new Float64Array(SLAB_SAMPLES),
    };
    this.#slabs.set(number, slab);
    return slab;
  }
}

function arraysOf(size: number, length: number): Arrays {
  return { inputs: new Float32Array(size * length), targets: new Int32Array(size) };
}
