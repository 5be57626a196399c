import { type ModelState, type Preprocessor, type Sample, statisticsIn } from "@everfresh/core";
import { isSame } from "./statistics-bytes.ts";

/**
 * The samples as the model takes them under each of the states, with its own statistics: made once for
 * those that have the same, as θ and x̂ mostly do.
 * @throws ShapeError, ValueRangeError as `Preprocessor.transform`
 */
export function inputsUnder(
  states: readonly ModelState[],
  samples: readonly Pick<Sample, "features">[],
  preprocessor: Preprocessor,
): readonly Float32Array[] {
  const features = samples.map((sample) => sample.features);
  const statistics = states.map((state) => statisticsIn(state, preprocessor.statistics));
  const inputs: Float32Array[] = [];
  for (const own of statistics) {
    const like = statistics.slice(0, inputs.length).findIndex((other) => isSame(other, own));
    inputs.push(inputs[like] ?? preprocessor.transform(own, features));
  }
  return inputs;
}
