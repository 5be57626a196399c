import type {
  ModelScores,
  ModelStatus,
  ReplicaInfo,
  ScoreValues,
  StateScores,
  StatusPoint,
} from "./status.ts";

/** A status for tests, with what a test cares about put in. */
export function exampleStatus(parts: Partial<ModelStatus> = {}): ModelStatus {
  return {
    name: "digits",
    phase: "training",
    version: 240,
    fingerprint: "5d1560dc09910d0537bbcdef8b4021c6",
    samples: 1_920,
    steps: 240,
    parameters: 61_706,
    denseBytes: 246_824,
    ratio: 0.01,
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
    batchSize: 128,
    warmUpSteps: 0,
    replicas: [],
    series: [examplePoint({ samples: 8, version: 1 }), examplePoint()],
    source: "MNIST, train",
    startedAtMs: 1_000_000,
    updateBytes: { mean: 2_110, p50: 2_100, max: 2_400, total: 506_400 },
    stepMs: { p50: 3.42, p99: 6.71 },
    updateToReplicaMs: null,
    heldOutAccuracy: null,
    scores: null,
    features: null,
    ...parts,
  };
}

/** Scores for tests: all of them different. */
export function exampleScores(): ModelScores {
  const values = (accuracy: number, noChange: number, majority: number): ScoreValues => ({
    ...{ accuracy, noChangeAccuracy: noChange, majorityAccuracy: majority },
    ...{ logLoss: 0.2, macroF1: 0.9, auc: 0.99, calibrationError: 0.02 },
    ...{ kappa: 0.9, kappaTemporal: 0.9, kappaM: 0.9 },
  });
  const state = (window: number, cumulative: number): StateScores => ({
    samples: 1_920,
    window: values(window, 0.12, 0.14),
    cumulative: values(cumulative, 0.13, 0.15),
    fading: values(cumulative, 0.13, 0.15),
  });
  return { trained: state(0.97, 0.95), deployed: state(0.96, 0.94), frozen: state(0.11, 0.1) };
}

/** A point of a series for tests. */
export function examplePoint(parts: Partial<StatusPoint> = {}): StatusPoint {
  return {
    samples: 1_920,
    version: 240,
    trainedAccuracy: 0.953,
    deployedAccuracy: 0.947,
    updateBytes: 2_100,
    loss: 0.21,
    stepMs: 3.4,
    ...parts,
  };
}

/** A replica in step with {@link exampleStatus}, for tests. */
export function exampleReplica(parts: Partial<ReplicaInfo> = {}): ReplicaInfo {
  return {
    id: "replica-1",
    version: 240,
    fingerprint: "5d1560dc09910d0537bbcdef8b4021c6",
    joinedAtMs: 1_000_000,
    lagVersions: 0,
    ...parts,
  };
}
