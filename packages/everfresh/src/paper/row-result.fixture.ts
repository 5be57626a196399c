import type { RowResult } from "./row-result.ts";

/** A row with round numbers, but for those that are given. */
export function rowResult(given: Partial<RowResult> & Pick<RowResult, "name">): RowResult {
  return {
    strategy: "proactive",
    mode: null,
    selector: null,
    ratio: null,
    triggerSize: 8,
    seed: 1,
    cumulativeAccuracy: 0.98,
    finalTestAccuracy: 0.99,
    lastCheckpointsAccuracy: 0.985,
    checkpointAccuracies: [0.98, 0.99],
    trainSeconds: 40,
    steps: 6_250,
    samplesTrained: 800_000,
    updates: 6_250,
    entriesPerUpdate: 62,
    bytesPerUpdate: 257,
    changedPerUpdate: 62,
    cost: { preprocessing: 1, training: 40, evaluation: 5, selection: 2, encoding: 3 },
    curve: [
      { samples: 25_000, accuracy: 0.97 },
      { samples: 50_000, accuracy: 0.98 },
    ],
    windows: [0.96, 0.97],
    ...given,
  };
}
