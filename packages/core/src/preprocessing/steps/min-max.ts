import { ShapeError } from "../../errors.ts";
import { channelCount, channelsOf, type NumbersShape } from "../channels.ts";
import type { MinMaxStep } from "../pipeline.ts";
import { type PreparedStep, type Scale, scaleDistance, type StepStatistics } from "./step.ts";

const STATISTICS: readonly string[] = ["count", "min", "max"];

/**
 * Prepares `low + (x − min) · (high − low) / (max − min)`, where all numbers were equal `low + x − min`.
 * @throws ShapeError unless low is below high
 */
export function minMax(step: MinMaxStep, input: NumbersShape): PreparedStep {
  const { low = 0, high = 1, clip = false } = step;
  if (!(low < high) || !Number.isFinite(high - low)) {
    throw new ShapeError(`minMax needs low below high, got ${low} and ${high}`);
  }
  const channels = channelsOf(input);
  return {
    output: input,
    statistics: STATISTICS,
    channels: channelCount(input),
    observe: (statistics, batch) => observe(statistics, batch, channels),
    open: (statistics) => {
      const { origin, unit } = scaleOf(statistics);
      return (values) =>
        values.map((value, i) => {
          const c = channels[i] ?? 0;
          const scale = (high - low) / (unit[c] ?? 1);
          const result = value * scale + (low - (origin[c] ?? 0) * scale);
          return clip ? Math.max(low, Math.min(high, result)) : result;
        });
    },
    distance: (from, to) => scaleDistance(scaleOf(from), scaleOf(to)),
  };
}

function observe(
  statistics: StepStatistics,
  batch: readonly Float64Array[],
  channels: Uint32Array,
): StepStatistics {
  const [count = NONE, min = NONE, max = NONE] = statistics.map((values) => values.slice());
  for (const values of batch) {
    for (const [i, value] of values.entries()) {
      if (Number.isNaN(value)) continue;
      const c = channels[i] ?? 0;
      const isFirst = count[c] === 0;
      min[c] = isFirst ? value : Math.min(min[c] ?? 0, value);
      max[c] = isFirst ? value : Math.max(max[c] ?? 0, value);
      count[c] = (count[c] ?? 0) + 1;
    }
  }
  return [count, min, max];
}

function scaleOf([count = NONE, min = NONE, max = NONE]: StepStatistics): Scale {
  return { count, origin: min, unit: max.map((value, c) => value - (min[c] ?? 0) || 1) };
}

const NONE = new Float64Array(0);
