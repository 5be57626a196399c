import { ShapeError } from "../errors.ts";
import type { Features } from "../sample.ts";
import { type Shape, sizeOf } from "../tensor.ts";
import type { NumbersShape } from "./channels.ts";
import { prepareEncoder } from "./encoders/prepare-encoder.ts";
import type { FeatureStatistics } from "./feature-statistics.ts";
import type { Branch, RawFeatures } from "./pipeline.ts";
import { branchReader } from "./raw-features.ts";
import { joined, split } from "./split-float.ts";
import { prepareStep } from "./steps/prepare-step.ts";
import type { PreparedStep, StepStatistics } from "./steps/step.ts";

/** A branch of a pipeline, ready for use. */
export interface PreparedBranch {
  /** Shape of what it gives for one sample. */
  readonly shape: Shape;
  /** How many numbers it gives for one sample. */
  readonly size: number;
  /** Its statistics as `step.name`, and how many channels each has. */
  readonly statistics: readonly { readonly name: string; readonly channels: number }[];
  observe(statistics: FeatureStatistics, batch: readonly Features[]): FeatureStatistics;
  open(statistics: FeatureStatistics): (features: Features) => Float64Array;
  distance(from: FeatureStatistics, to: FeatureStatistics): number;
}

/**
 * Prepares a branch.
 * @throws ShapeError for columns, an encoder or steps that do not fit one another
 */
export function prepareBranch(raw: RawFeatures, branch: Branch): PreparedBranch {
  const { input, read } = openReader(raw, branch);
  const steps: PreparedStep[] = [];
  let output = input;
  for (const step of branch.steps ?? []) {
    const prepared = prepareStep(step, output);
    steps.push(prepared);
    output = prepared.output;
  }
  /** Calls `take` with every step and the statistics that are its own. */
  const eachStep = (
    statistics: FeatureStatistics,
    take: (step: PreparedStep, own: StepStatistics) => void,
  ): void => {
    let at = 0;
    for (const step of steps) {
      take(step, statistics.slice(at, (at += step.statistics.length)).map(joined));
    }
  };
  return {
    shape: output.shape,
    size: sizeOf(output.shape),
    statistics: steps.flatMap(({ statistics, channels }, i) =>
      statistics.map((name) => ({ name: `${i}.${name}`, channels })),
    ),
    observe: (statistics, batch) => {
      if (statistics.length === 0) return statistics;
      let values = batch.map(read);
      const observed: Float32Array[] = [];
      eachStep(statistics, (step, own) => {
        const parts = step.observe(own, values).map(split);
        observed.push(...parts);
        // What the next step learns from is what it will be given: under rounded statistics.
        values = values.map(step.open(parts.map(joined)));
      });
      return observed;
    },
    open: (statistics) => {
      const transforms: ((values: Float64Array) => Float64Array)[] = [];
      eachStep(statistics, (step, own) => transforms.push(step.open(own)));
      return (features) =>
        transforms.reduce((values, transform) => transform(values), read(features));
    },
    distance: (from, to) => {
      const before: StepStatistics[] = [];
      eachStep(from, (_, own) => before.push(own));
      let distance = 0;
      let i = 0;
      eachStep(to, (step, own) => {
        distance = Math.max(distance, step.distance(before[i++] ?? [], own));
      });
      return distance;
    },
  };
}

function openReader(
  raw: RawFeatures,
  branch: Branch,
): { readonly input: NumbersShape; readonly read: (features: Features) => Float64Array } {
  const reader = branchReader(raw, branch);
  if (reader.kind === "numbers") {
    if (branch.encoder === undefined) return { input: reader.shape, read: reader.read };
    throw new ShapeError(`Encoder ${branch.encoder.kind} takes text, its columns are numbers`);
  }
  if (branch.encoder === undefined) {
    throw new ShapeError(`Columns of text need an encoder: ${reader.columns.join(", ")}`);
  }
  const encoder = prepareEncoder(branch.encoder, reader.columns);
  return { input: encoder.output, read: (features) => encoder.encode(reader.read(features)) };
}
