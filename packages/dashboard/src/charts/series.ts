import type { StatusPoint } from "../status.ts";

/** Chart data by column, as uPlot takes it; null leaves a gap. */
export interface Columns {
  readonly samples: readonly number[];
  readonly trained: readonly (number | null)[];
  readonly deployed: readonly (number | null)[];
  readonly updateBytes: readonly (number | null)[];
  /** The whole state's size at every point: the line that updates are compared with. */
  readonly denseBytes: readonly number[];
  readonly loss: readonly (number | null)[];
  readonly lossMean: readonly (number | null)[];
}

/** A single batch's loss is noisy; the mean of this many points shows where it goes. */
export const LOSS_MEAN_POINTS = 15;

/**
 * Turns the series of a status into columns. Points that do not move on are left out, because a
 * chart's samples must increase; a step without an update has no bytes, and a figure that is not
 * finite is a gap.
 */
export function columnsOf(series: readonly StatusPoint[], denseBytes: number): Columns {
  const points: StatusPoint[] = [];
  for (const point of series) {
    const last = points.at(-1);
    if (last === undefined || point.samples > last.samples) points.push(point);
  }
  const loss = points.map((point) => finiteOrNull(point.loss));
  return {
    samples: points.map((point) => point.samples),
    trained: points.map((point) => finiteOrNull(point.trainedAccuracy)),
    deployed: points.map((point) => finiteOrNull(point.deployedAccuracy)),
    // A logarithmic axis has no place for 0.
    updateBytes: points.map((point) => (point.updateBytes > 0 ? point.updateBytes : null)),
    denseBytes: points.map(() => denseBytes),
    loss,
    lossMean: centredMean(loss, LOSS_MEAN_POINTS),
  };
}

/** The mean of the `points` values around each value, as far as there are any; gaps not counted. */
export function centredMean(
  values: readonly (number | null)[],
  points: number,
): readonly (number | null)[] {
  const side = Math.floor(points / 2);
  return values.map((_value, index) => {
    const window = values
      .slice(Math.max(0, index - side), index + side + 1)
      .filter((value) => value !== null);
    if (window.length === 0) return null;
    return window.reduce((sum, value) => sum + value, 0) / window.length;
  });
}

/** The index whose value is nearest to `target` in increasing values; null when there are none. */
export function nearestIndex(values: readonly number[], target: number): number | null {
  if (values.length === 0) return null;
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) < target) low = middle + 1;
    else high = middle;
  }
  const before = values[low - 1];
  const here = values[low] ?? 0;
  return before !== undefined && target - before <= here - target ? low - 1 : low;
}

/** The axis of samples: from 0, unless the series begins so late that it would be squeezed. */
export function samplesRange(minimum: number | null, maximum: number | null): [number, number] {
  if (minimum === null || maximum === null || maximum <= 0) return [0, 1];
  return minimum < maximum / 4 || minimum === maximum ? [0, maximum] : [minimum, maximum];
}

/** The accuracy axis: whole tenths around the data, and always up to 1. */
export function accuracyRange(minimum: number | null): [number, number] {
  if (minimum === null || !Number.isFinite(minimum)) return [0, 1];
  return [Math.max(0, Math.min(0.9, Math.floor(minimum * 10) / 10)), 1];
}

/** Whole decades around positive data. */
export function decadeRange(minimum: number | null, maximum: number | null): [number, number] {
  if (minimum === null || maximum === null || !(minimum > 0)) return [1, 10];
  const low = Math.floor(Math.log10(minimum));
  return [10 ** low, 10 ** Math.max(low + 1, Math.ceil(Math.log10(maximum)))];
}

/** The powers of ten from `minimum` to `maximum`, both powers of ten themselves. */
export function decades(minimum: number, maximum: number): number[] {
  const first = Math.round(Math.log10(minimum));
  const last = Math.round(Math.log10(maximum));
  return Array.from({ length: last - first + 1 }, (_none, index) => 10 ** (first + index));
}

/** From 0 to a little above the data. */
export function fromZeroRange(maximum: number | null): [number, number] {
  return maximum !== null && maximum > 0 ? [0, maximum * 1.05] : [0, 1];
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
