import {
  createState,
  dataOf,
  type FeatureStatistics,
  isFeatureStatistic,
  type Preprocessor,
  ShapeError,
  stateBytes,
  stateLayout,
} from "@everfresh/core";
import type { Model } from "./model.ts";

/**
 * The model with the statistics of its preprocessing as buffers of its state, behind its own tensors.
 * Its graph does not take them: they travel with the weights, and only the transform before the graph
 * reads them.
 * @param statistics to begin with; by default those of no samples
 * @throws ShapeError when tensors of the model have names that statistics have, or when these are of
 *   another transform
 */
export function withStatistics(
  model: Model,
  preprocessor: Preprocessor,
  statistics: FeatureStatistics = preprocessor.initial(),
): Model {
  const own = model.state.layout.tensors;
  const taken = own.find(isFeatureStatistic);
  if (taken !== undefined) {
    throw new ShapeError(
      `Model has a buffer "${taken.name}", which is a name of statistics of preprocessing; rename it`,
      { name: taken.name },
    );
  }
  const specs = preprocessor.statistics;
  if (specs.length !== statistics.length) {
    throw new ShapeError(`${statistics.length} statistics for a transform with ${specs.length}`);
  }
  if (specs.length === 0) return model;
  const layout = stateLayout([...own, ...specs]);
  const state = createState(layout);
  // They come last, so whatever was there lies where it lay.
  stateBytes(state).set(stateBytes(model.state));
  specs.forEach(({ name }, i) => {
    const entry = layout.tensors[own.length + i];
    const values = statistics[i] ?? new Float32Array(0);
    if (entry?.name !== name || values.length !== entry.length) {
      throw new ShapeError(`Statistics "${name}" are of another transform`, { name });
    }
    const target = dataOf(state, entry);
    if (target instanceof Float32Array) target.set(values);
  });
  return { ...model, state };
}
