import type { RowResult } from "../row-result.ts";

/** Windows in which the start of continuous training is looked at: 10,000 samples. */
export const DIP_WINDOWS = 10;

/** A row at the start of the stream, in its first windows. */
export interface Dip {
  /** Largest frozen − trained accuracy in a window, in points of a hundred, of each seed. */
  readonly ofSeeds: readonly number[];
  /** The same of the mean over the seeds. */
  readonly ofMean: number;
  /** Mean over windows and seeds. */
  readonly accuracy: number;
  /** How many windows these are: fewer where the stream is short. */
  readonly windows: number;
}

/** The start of a row, beside frozen rows of the same seeds; null without these or without windows. */
export function dipOf(row: readonly RowResult[], frozen: readonly RowResult[]): Dip | null {
  const starts = row.flatMap(({ seed, windows }) => {
    const beside = frozen.find((other) => other.seed === seed);
    if (beside === undefined) return [];
    const own = windows.slice(0, DIP_WINDOWS);
    const falls = own.map((accuracy, at) => 100 * ((beside.windows[at] ?? 0) - accuracy));
    return [{ own, falls }];
  });
  const windows = starts[0]?.own.length ?? 0;
  if (windows === 0) return null;
  const meanFalls = Array.from({ length: windows }, (_, at) =>
    meanOf(starts.map(({ falls }) => falls[at] ?? 0)),
  );
  return {
    ofSeeds: starts.map(({ falls }) => Math.max(...falls)),
    ofMean: Math.max(...meanFalls),
    accuracy: meanOf(starts.map(({ own }) => meanOf(own))),
    windows,
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
