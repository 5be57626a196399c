import { assert } from "@everfresh/core";
import type { Statistics } from "./statistics.ts";

/** Scores over some of the samples so far. */
export interface Horizon<Scores> {
  /** Takes the next sample in. */
  record(row: Float64Array): void;
  /** The scores so far. */
  scores(): Scores;
  /** All that it remembers. */
  numbers(): readonly number[];
  /** Remembers what {@link numbers} gave. */
  remember(numbers: ArrayLike<number>): void;
  /** How many numbers {@link numbers} gives; 0 when it depends on the samples. */
  readonly length: number;
}

/**
 * Over all samples. Every sum is kept with what rounding took from it (Neumaier's variant of Kahan
 * summation), so that it is exact to the last bits after any number of samples.
 */
export function cumulative<Scores>(statistics: Statistics<Scores>): Horizon<Scores> {
  const { size } = statistics;
  const sums = new Float64Array(size);
  const lost = new Float64Array(size);
  let weight = 0;
  const sink = {
    add: (index: number, value: number): void => {
      const sum = sums[index] ?? 0;
      const term = weight * value;
      const next = sum + term;
      const rest = Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum;
      lost[index] = (lost[index] ?? 0) + rest;
      sums[index] = next;
    },
  };
  return {
    length: 2 * size,
    record: (row) => {
      weight = row[0] ?? 0;
      statistics.add(row, sink);
    },
    scores: () =>
      statistics.scores(
        sums.map((sum, i) => sum + (lost[i] ?? 0)),
        null,
      ),
    numbers: () => [...sums, ...lost],
    remember: (numbers) => {
      for (let i = 0; i < size; i++) {
        sums[i] = numbers[i] ?? 0;
        lost[i] = numbers[size + i] ?? 0;
      }
    },
  };
}

/** Weights of new samples grow up to this before all sums are scaled down. */
const GROWTH_MAX = 2 ** 512;

/**
 * Over all samples, the n-th last one with weight factorⁿ: S ← factor · S + x (Gama, Sebastião,
 * Rodrigues: "On evaluating stream learning algorithms", Machine Learning 90, 2013). Instead of making
 * all sums smaller at every sample, new samples get weights that grow.
 */
export function fading<Scores>(statistics: Statistics<Scores>, factor: number): Horizon<Scores> {
  const { size } = statistics;
  const sums = new Float64Array(size);
  let growth = 1;
  let weight = 0;
  const sink = {
    add: (index: number, value: number): void => {
      sums[index] = (sums[index] ?? 0) + weight * value;
    },
  };
  return {
    length: size + 1,
    record: (row) => {
      growth /= factor;
      if (growth > GROWTH_MAX) {
        for (let i = 0; i < size; i++) sums[i] = (sums[i] ?? 0) / growth;
        growth = 1;
      }
      weight = growth * (row[0] ?? 0);
      statistics.add(row, sink);
    },
    scores: () =>
      statistics.scores(
        sums.map((sum) => sum / growth),
        null,
      ),
    numbers: () => [growth, ...sums],
    remember: (numbers) => {
      growth = numbers[0] ?? 1;
      for (let i = 0; i < size; i++) sums[i] = numbers[i + 1] ?? 0;
    },
  };
}

/**
 * Over the newest `samples`. Keeps them and computes their sums when it is asked, O(samples): nothing
 * is ever subtracted, so nothing is left of what has gone.
 */
export function windowed<Scores>(statistics: Statistics<Scores>, samples: number): Horizon<Scores> {
  const { rowLength, size } = statistics;
  /** Rows of samples, that of sample n at n modulo `samples`. */
  let ring = new Float64Array(0);
  let total = 0;
  const rows = (): Float64Array[] => {
    const count = Math.min(total, samples);
    return Array.from({ length: count }, (_, i) => {
      const slot = (total - count + i) % samples;
      return ring.subarray(slot * rowLength, (slot + 1) * rowLength);
    });
  };
  const record = (row: Float64Array): void => {
    const slot = total % samples;
    if (slot * rowLength >= ring.length && ring.length < samples * rowLength) {
      const longer = new Float64Array(
        Math.min(samples * rowLength, Math.max(64 * rowLength, 2 * ring.length)),
      );
      longer.set(ring);
      ring = longer;
    }
    ring.set(row, slot * rowLength);
    total++;
  };
  return {
    length: 0,
    record,
    scores: () => {
      const sums = new Float64Array(size);
      let weight = 0;
      const sink = {
        add: (index: number, value: number): void => {
          sums[index] = (sums[index] ?? 0) + weight * value;
        },
      };
      const kept = rows();
      for (const row of kept) {
        weight = row[0] ?? 0;
        statistics.add(row, sink);
      }
      return statistics.scores(sums, kept);
    },
    numbers: () => rows().flatMap((row) => [...row]),
    remember: (numbers) => {
      assert(numbers.length % rowLength === 0, "a window of whole rows");
      total = 0;
      for (let at = 0; at < numbers.length; at += rowLength) {
        record(Float64Array.from({ length: rowLength }, (_, i) => numbers[at + i] ?? 0));
      }
    },
  };
}
