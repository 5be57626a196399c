/**
 * How many entries the next update may have.
 *
 *   ratio            k = max(1, ⌈ratio · n⌉): never less than was asked for
 *   bytesPerUpdate   k = max(1, ⌊(bytes − overhead) / cost⌋)
 *   bytesPerSecond   the same with what has been saved up: an account grows by `bytes` per second
 *                    and pays for every update, all of it; while it is low, nothing is sent
 *
 * cost is the highest of the bytes per entry that the last updates were measured to have, so it
 * follows positions that cluster and values that repeat; before the first update, what random
 * positions take. overhead is a header and the buffers that go with the entries.
 */
import type { ValueType } from "@everfresh/core";
import type { Published } from "../publisher.ts";
import type { AmountSpec } from "./sparsifier-spec.ts";

/**
 * About what an update has beside entries and buffers; what it has more counts with the entries.
 */
const HEADER_BYTES = 56;
/**
 * Updates that the cost of an entry is the highest of: a cheap one does not make the next too long.
 */
const COSTS_KEPT = 8;
/** Least that is worth an update: below it, more than a fifth of the bytes would be header. */
const WORTH_BYTES = 256;
/** So many seconds can be saved up; a pause does not end in one very long update. */
const SAVED_SECONDS = 10;

/** Bits that a value takes; for int8 with its part of a bfloat16 scale for 64 entries. */
const VALUE_BITS: { readonly [T in ValueType]: number } = {
  float32: 32,
  float32Xor: 32,
  float16: 16,
  bfloat16: 16,
  int8: 8.25,
  sign: 1,
};

/** What a quota goes by, as plain data. */
export interface QuotaPosition {
  /** Bytes per entry of the last updates, oldest first. */
  readonly costs: readonly number[];
  /** Bytes saved up; below 0 when the last update took more. */
  readonly savedBytes: number;
  /**
   * When that was, in milliseconds since the Unix epoch; null before the first selection is over.
   */
  readonly atMs: number | null;
}

/** Where an update would begin. */
export interface Demand {
  /** Parameters of the state. */
  readonly parameters: number;
  /** Bytes of the buffers that go with the update. */
  readonly bufferBytes: number;
  readonly valueType: ValueType;
}

/** How much an update may carry: at least 1 entry. */
export interface Allowance {
  readonly entries: number;
  /** The same as a share of all parameters. */
  readonly ratio: number;
}

/** Tells how many entries an update may have, and learns from the bytes that it took. */
export class Quota {
  readonly #amount: AmountSpec;
  #costs: readonly number[] = [];
  #savedBytes = 0;
  #atMs: number | null = null;

  constructor(amount: AmountSpec) {
    this.#amount = amount;
  }

  /** What the next update may have; null when it is to wait. */
  allowance({ parameters, bufferBytes, valueType }: Demand): Allowance | null {
    const amount = this.#amount;
    if (amount.kind === "ratio") {
      const { ratio } = amount;
      // A product that is a whole number but for its rounding is that number.
      return { entries: Math.max(1, Math.ceil(ratio * parameters * (1 - 2 ** -40))), ratio };
    }
    if (amount.kind === "bytesPerSecond" && this.#savedBytes < WORTH_BYTES) return null;
    const bytes = amount.kind === "bytesPerSecond" ? this.#savedBytes : amount.bytes;
    const free = bytes - HEADER_BYTES - bufferBytes;
    const wanted =
      this.#costs.length > 0
        ? Math.floor(free / Math.max(...this.#costs))
        : entriesAtRandom(free, parameters, VALUE_BITS[valueType]);
    const entries = Math.min(parameters, Math.max(1, wanted));
    return { entries, ratio: entries / parameters };
  }

  /** Takes in what an update took, or that there was none. */
  published(published: Published | null, atMs: number): void {
    const amount = this.#amount;
    if (amount.kind === "ratio") return;
    if (published !== null) this.#learn(published);
    if (amount.kind === "bytesPerUpdate") return;
    const seconds = this.#atMs === null ? 0 : Math.max(0, atMs - this.#atMs) / 1_000;
    const most = Math.max(SAVED_SECONDS * amount.bytes, 2 * WORTH_BYTES);
    const saved = this.#savedBytes + seconds * amount.bytes - (published?.bytes ?? 0);
    this.#savedBytes = Math.min(most, saved);
    this.#atMs = atMs;
  }

  /** What it goes by now. */
  position(): QuotaPosition {
    return { costs: this.#costs, savedBytes: this.#savedBytes, atMs: this.#atMs };
  }

  /** Goes by that again. */
  restore({ costs, savedBytes, atMs }: QuotaPosition): void {
    this.#costs = costs;
    this.#savedBytes = savedBytes;
    this.#atMs = atMs;
  }

  #learn({ update, bytes }: Published): void {
    const entries = update.indices.length;
    // Buffers travel in fewer bytes than they have, so that what is left for entries is not known.
    if (entries === 0 || update.buffers.length > 0) return;
    const cost = Math.max(bytes - HEADER_BYTES, 1) / entries;
    this.#costs = [...this.#costs, cost].slice(-COSTS_KEPT);
  }
}

/**
 * The most entries k with k · (value bits + log2(e · n / k)) ≤ 8 · bytes: about log2 C(n, k) bits
 * say where k entries are that lie anywhere.
 */
function entriesAtRandom(bytes: number, parameters: number, valueBits: number): number {
  const fits = (k: number): boolean =>
    k * (valueBits + Math.log2((Math.E * parameters) / k)) <= 8 * bytes;
  let [low, high] = [0, parameters];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
