import type { InferenceMode } from "./inference-session.ts";

// Constant weights cost freshness, so they must be worth it; the margin is more than the noise.
const PATCH_RATIO_MAX = 1.05;

const PAIRS_MIN = 5; // medians of fewer say little
const PAIRS_MAX = 101; // enough for the smallest models
const BUDGET_MS = 200; // opening a model takes about as long anyway

/** Runs one prediction and says how long it took, in milliseconds. */
export type TimedRun = () => Promise<number>;

/** Which mode is faster, from runs that alternate, so that both meet the same machine. */
export async function fasterMode(patched: TimedRun, baked: TimedRun): Promise<InferenceMode> {
  // The first run of a graph allocates what later ones use again.
  let spentMs = (await patched()) + (await baked());
  const patchedMs: number[] = [];
  const bakedMs: number[] = [];
  while (patchedMs.length < PAIRS_MAX && (patchedMs.length < PAIRS_MIN || spentMs < BUDGET_MS)) {
    const [patch, bake] = [await patched(), await baked()];
    patchedMs.push(patch);
    bakedMs.push(bake);
    spentMs += patch + bake;
  }
  return middle(patchedMs) <= PATCH_RATIO_MAX * middle(bakedMs) ? "patch" : "bake";
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}
