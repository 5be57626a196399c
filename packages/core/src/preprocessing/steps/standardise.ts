import { ShapeError } from "../../errors.ts";
import { channelCount, channelsOf, type NumbersShape } from "../channels.ts";
import { deviationsOf, mergeMoments, type Moments, momentsOf } from "../moments.ts";
import type { StandardiseStep } from "../pipeline.ts";
import { type PreparedStep, scaleDistance, type StepStatistics } from "./step.ts";

/** Statistics of a channel's moments, in their order. */
export const MOMENTS: readonly string[] = ["count", "mean", "variance"];

/** The moments that statistics are. */
export function momentsIn(statistics: StepStatistics): Moments {
  const [count = NONE, mean = NONE, variance = NONE] = statistics;
  return { count, mean, variance };
}

/** Takes a batch into statistics that are moments. */
export function observeMoments(
  statistics: StepStatistics,
  batch: readonly Float64Array[],
  channels: Uint32Array,
  memory: number = Infinity,
): StepStatistics {
  const before = momentsIn(statistics);
  const fresh = momentsOf(batch, channels, before.count.length);
  const { count, mean, variance } = mergeMoments(before, fresh, memory);
  return [count, mean, variance];
}

/**
 * Prepares `(x − mean) / std`.
 * @throws ShapeError for a memory that is not a number of samples
 */
export function standardise(
  { memorySamples = Infinity }: StandardiseStep,
  input: NumbersShape,
): PreparedStep {
  if (!(memorySamples >= 1)) {
    throw new ShapeError(`standardise needs memorySamples of 1 or more, got ${memorySamples}`);
  }
  const channels = channelsOf(input);
  // A sample of a series or an image has several numbers of each channel.
  const memory = memorySamples * (channels.length / channelCount(input));
  return {
    output: input,
    statistics: MOMENTS,
    channels: channelCount(input),
    observe: (statistics, batch) => observeMoments(statistics, batch, channels, memory),
    open: (statistics) => {
      const moments = momentsIn(statistics);
      const deviations = deviationsOf(moments);
      return (values) =>
        values.map((value, i) => {
          const c = channels[i] ?? 0;
          return (value - (moments.mean[c] ?? 0)) / (deviations[c] ?? 1);
        });
    },
    distance: (from, to) => momentsDistance(momentsIn(from), momentsIn(to)),
  };
}

/** {@link scaleDistance} of standardising. */
export function momentsDistance(from: Moments, to: Moments): number {
  return scaleDistance(
    { count: from.count, origin: from.mean, unit: deviationsOf(from) },
    { count: to.count, origin: to.mean, unit: deviationsOf(to) },
  );
}

const NONE = new Float64Array(0);
