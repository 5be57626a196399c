import { ShapeError } from "../errors.ts";
import { dataOf, type ModelState, type StateLayout, type StateTensorSpec } from "../state.ts";
import type { BufferChange } from "../update.ts";
import { isFeatureStatistic } from "./statistic-name.ts";

/**
 * What a pipeline has learned: float32 tensors [2, channels], in the order of its specifications. A
 * value is the sum of its two parts, exact to 48 bits. Never written to: observing gives new ones.
 */
export type FeatureStatistics = readonly Float32Array[];

/**
 * The statistics in a state whose layout has their tensors: copies, which later updates leave alone.
 * @throws ShapeError when one is missing or of another kind
 */
export function statisticsIn(
  state: ModelState,
  specs: readonly StateTensorSpec[],
): FeatureStatistics {
  return specs.map((spec) => {
    const data = dataOf(state, entryOf(state.layout, spec));
    return new Float32Array(data as Float32Array);
  });
}

/** The statistics as buffers of an update, whole and lossless. */
export function statisticsChanges(
  layout: StateLayout,
  specs: readonly StateTensorSpec[],
  statistics: FeatureStatistics,
): readonly BufferChange[] {
  return specs
    .map((spec, i) => ({
      tensor: layout.tensors.indexOf(entryOf(layout, spec)),
      data: statistics[i] ?? new Float32Array(0),
    }))
    .sort((a, b) => a.tensor - b.tensor);
}

/**
 * Checks that a layout has these statistics and no others.
 * @throws ShapeError that names the one that is missing, of another shape, or too many
 */
export function checkStatistics(layout: StateLayout, specs: readonly StateTensorSpec[]): void {
  for (const spec of specs) entryOf(layout, spec);
  const names = new Set(specs.map(({ name }) => name));
  const foreign = layout.tensors.find(
    (entry) => isFeatureStatistic(entry) && !names.has(entry.name),
  );
  if (foreign === undefined) return;
  throw new ShapeError(`State has statistics "${foreign.name}" that preprocessing does not know`, {
    name: foreign.name,
  });
}

function entryOf(layout: StateLayout, spec: StateTensorSpec): StateLayout["tensors"][number] {
  const { name, shape } = spec;
  const entry = layout.tensors.find((tensor) => tensor.name === name);
  const fits =
    entry?.role === "buffer" &&
    entry.dtype === "float32" &&
    entry.shape.length === shape.length &&
    entry.shape.every((size, i) => size === shape[i]);
  if (fits) return entry;
  throw new ShapeError(`State has no statistics "${name}" of shape [${shape.join(", ")}]`, {
    name,
  });
}
