import type { StateTensorSpec } from "../state.ts";

/** Names of statistics in a state: branch, step, and what was measured. */
const NAME = /^preprocessing\.\d+\.\d+\.(?:count|mean|variance|min|max)$/;

/** Name in a state of what a branch calls `step.statistic`. */
export function statisticName(branch: number, name: string): string {
  return `preprocessing.${branch}.${name}`;
}

/**
 * Whether a tensor of a state is a statistic of preprocessing: no graph takes it, only the transform
 * before the graph does.
 */
export function isFeatureStatistic({
  name,
  role,
}: Pick<StateTensorSpec, "name" | "role">): boolean {
  return role === "buffer" && NAME.test(name);
}
