import type { NumbersShape } from "../channels.ts";

/** What a step has learned: for each of its statistics, a number per channel. */
export type StepStatistics = readonly Float64Array[];

/** A step that knows the shape of what it gets. */
export interface PreparedStep {
  /** What it gives. */
  readonly output: NumbersShape;
  /** Names of its statistics; none where it learns nothing. */
  readonly statistics: readonly string[];
  /** How many numbers each statistic has. */
  readonly channels: number;
  /** The statistics with the numbers of a batch taken in. */
  observe(statistics: StepStatistics, batch: readonly Float64Array[]): StepStatistics;
  /** The transform under these statistics; its argument stays as it is. */
  open(statistics: StepStatistics): (values: Float64Array) => Float64Array;
  /**
   * How far results under `from` are from those under `to`: at most distance · (1 + |result|), for a
   * result as it is without a final scale; 0 where nothing is learned.
   */
  distance(from: StepStatistics, to: StepStatistics): number;
}

/** A step that learns nothing. */
export function fixedStep(
  output: NumbersShape,
  transform: (values: Float64Array) => Float64Array,
): PreparedStep {
  return {
    output,
    statistics: [],
    channels: 0,
    observe: (statistics) => statistics,
    open: () => transform,
    distance: () => 0,
  };
}

/**
 * How far t = (x − origin) / unit moves when both change: with t′ under `to`,
 * t − t′ = t′ (unit′ / unit − 1) + (origin′ − origin) / unit; the largest factor of any channel.
 * Infinite where nothing was known before.
 */
export function scaleDistance(from: Scale, to: Scale): number {
  let distance = 0;
  for (let c = 0; c < to.unit.length; c++) {
    const wasKnown = (from.count[c] ?? 0) > 0;
    if (!wasKnown && (to.count[c] ?? 0) > 0) return Infinity;
    const unit = from.unit[c] ?? 1;
    distance = Math.max(
      distance,
      Math.abs(((to.origin[c] ?? 0) - (from.origin[c] ?? 0)) / unit),
      Math.abs((to.unit[c] ?? 1) / unit - 1),
    );
  }
  return distance;
}

/** An affine transform per channel, and how many numbers it was learned from. */
export interface Scale {
  readonly count: Float64Array;
  readonly origin: Float64Array;
  readonly unit: Float64Array;
}
