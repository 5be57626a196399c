import type { Sink, Statistics } from "./statistics.ts";

/** A prediction of a number and what was true. */
export interface NumberObservation {
  /** What was true. */
  readonly value: number;
  readonly predicted: number;
  /** The last value that had arrived when the prediction was made; null before the first one. */
  readonly noChange: number | null;
  /** The mean of the values that had arrived; null before the first one. */
  readonly mean: number | null;
}

/** How good predictions of numbers are, in the units of the target; `null` without samples. */
export interface NumberScores {
  /** Sum of the weights of the samples. */
  readonly weight: number;
  /** √(mean squared error). */
  readonly rmse: number | null;
  /** Mean absolute error. */
  readonly mae: number | null;
  /** Errors of answering with the last value that has arrived, over the samples where there was one. */
  readonly noChangeRmse: number | null;
  readonly noChangeMae: number | null;
  /** Errors of answering with the mean of what has arrived, over the samples where there was one. */
  readonly meanRmse: number | null;
  readonly meanMae: number | null;
}

const ROW_LENGTH = 5;
/** Three answers with three sums each: weight, squared and absolute errors. */
const SUMS = 9;

/** The row of an observation. */
export function numberRow(observation: NumberObservation, weight: number): Float64Array {
  const { value, predicted, noChange, mean } = observation;
  return Float64Array.of(weight, value, predicted, noChange ?? NaN, mean ?? NaN);
}

/** Statistics of predictions of numbers. */
export function numberStatistics(): Statistics<NumberScores> {
  return { rowLength: ROW_LENGTH, size: SUMS, add, scores };
}

function add(row: Float64Array, sink: Sink): void {
  const value = row[1] ?? NaN;
  for (let answer = 0; answer < 3; answer++) {
    const given = row[2 + answer] ?? NaN;
    // A baseline without an answer does not count. A model without one is NaN, and so are its scores.
    if (answer > 0 && Number.isNaN(given)) continue;
    const error = Math.abs(given - value);
    sink.add(3 * answer, 1);
    sink.add(3 * answer + 1, error * error);
    sink.add(3 * answer + 2, error);
  }
}

function scores(sums: Float64Array): NumberScores {
  const ratio = (answer: number, of: 1 | 2): number | null => {
    const weight = sums[3 * answer] ?? 0;
    return weight > 0 ? (sums[3 * answer + of] ?? 0) / weight : null;
  };
  const rootOf = (square: number | null): number | null =>
    square === null ? null : Math.sqrt(square);
  return {
    weight: sums[0] ?? 0,
    rmse: rootOf(ratio(0, 1)),
    mae: ratio(0, 2),
    noChangeRmse: rootOf(ratio(1, 1)),
    noChangeMae: ratio(1, 2),
    meanRmse: rootOf(ratio(2, 1)),
    meanMae: ratio(2, 2),
  };
}
