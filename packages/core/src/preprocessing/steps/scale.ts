import { ShapeError } from "../../errors.ts";
import { channelCount, channelsOf, type NumbersShape } from "../channels.ts";
import type { ClipStep, ScaleStep } from "../pipeline.ts";
import { fixedStep, type PreparedStep } from "./step.ts";

/**
 * Prepares `(x / unit − mean) / std`.
 * @throws ShapeError for another number of means or deviations than 1 or the channels', or ones that
 * cannot be
 */
export function scale(step: ScaleStep, input: NumbersShape): PreparedStep {
  const { unit = 1, mean = [0], std = [1] } = step;
  const count = channelCount(input);
  const fits = [mean, std].every(({ length }) => length === 1 || length === count);
  const isFinite = [unit, ...mean, ...std].every(Number.isFinite);
  if (!fits || !isFinite || unit === 0 || std.includes(0)) {
    throw new ShapeError(
      `scale needs a finite unit, mean and std for 1 or ${count} channels, unit and std not 0;` +
        ` got ${unit}, [${mean.join(", ")}], [${std.join(", ")}]`,
    );
  }
  const channels = channelsOf(input);
  return fixedStep(input, (values) =>
    values.map((value, i) => {
      const c = channels[i] ?? 0;
      return (
        (value / unit - (mean[mean.length === 1 ? 0 : c] ?? 0)) /
        (std[std.length === 1 ? 0 : c] ?? 1)
      );
    }),
  );
}

/**
 * Prepares a range that numbers stay in.
 * @throws ShapeError unless low is at most high
 */
export function clip({ low, high }: ClipStep, input: NumbersShape): PreparedStep {
  if (!(low <= high)) throw new ShapeError(`clip needs low up to high, got ${low} and ${high}`);
  return fixedStep(input, (values) => values.map((value) => Math.max(low, Math.min(high, value))));
}
