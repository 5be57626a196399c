import { ShapeError } from "../../errors.ts";
import { channelCount, channelsOf, type NumbersShape } from "../channels.ts";
import type { ImputeStep } from "../pipeline.ts";
import { fixedStep, type PreparedStep } from "./step.ts";
import { MOMENTS, momentsDistance, momentsIn, observeMoments } from "./standardise.ts";

/**
 * Prepares a number in the place of each missing one.
 * @throws ShapeError for a constant that is not finite
 */
export function impute(step: ImputeStep, input: NumbersShape): PreparedStep {
  if (step.with !== "mean") {
    const constant = step.with;
    if (!Number.isFinite(constant)) {
      throw new ShapeError(`impute needs "mean" or a finite number, got ${constant}`);
    }
    return fixedStep(input, (values) =>
      values.map((value) => (Number.isNaN(value) ? constant : value)),
    );
  }
  const channels = channelsOf(input);
  return {
    output: input,
    statistics: MOMENTS,
    channels: channelCount(input),
    observe: (statistics, batch) => observeMoments(statistics, batch, channels),
    open: (statistics) => {
      const { mean } = momentsIn(statistics);
      return (values) =>
        values.map((value, i) => (Number.isNaN(value) ? (mean[channels[i] ?? 0] ?? 0) : value));
    },
    distance: (from, to) => momentsDistance(momentsIn(from), momentsIn(to)),
  };
}
