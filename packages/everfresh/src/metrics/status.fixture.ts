import type { ModelStatus } from "@everfresh/sync";

/** A status for tests. */
export const STATUS: ModelStatus = {
  name: "digits",
  phase: "training",
  version: 3,
  fingerprint: "0".repeat(32),
  samples: 24,
  steps: 3,
  parameters: 10,
  denseBytes: 40,
  ratio: 0.1,
  buffersEvery: null,
  strategy: {
    kind: "proactive",
    why: "8 of 8 new samples wait",
    retraining: null,
    intake: {
      ...{ tested: 1_920, waiting: 0, lagMs: 12, lagMsMax: 80 },
      ...{ skipped: 0, grownSteps: 0, blockedTimes: 0, blockedMs: 0 },
    },
    labels: null,
    costs: {
      ...{ preprocessSeconds: 0.1, trainSeconds: 2, evaluateSeconds: 0.5 },
      ...{ selectSeconds: 0.1, encodeSeconds: 0.1 },
    },
  },
  triggerSize: 8,
  batchSize: 16,
  warmUpSteps: 0,
  replicas: [],
  series: [],
  source: "digits",
  startedAtMs: 0,
  updateBytes: { mean: 1, p50: 1, max: 1, total: 3 },
  stepMs: { p50: 1, p99: 1 },
  updateToReplicaMs: null,
  heldOutAccuracy: null,
  scores: null,
  features: {
    ...{ asked: 200, cached: 150, absent: 40, stale: 10, utilisation: 0.8 },
    ...{ capacity: 1_000, bytesMax: 1_000_000, tolerance: 0.01 },
  },
};
