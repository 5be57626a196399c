import type { ModelScores, StrategyStatus } from "@everfresh/sync";
import type { FinishedTraining } from "../run/run-options.ts";

/** A replica at the end of a run. */
export interface ReplicaSummary {
  readonly version: number;
  readonly fingerprint: string;
  /** Its own accuracy on data that was never trained on; null when it was not measured. */
  readonly heldOutAccuracy: number | null;
}

/** The document that `run` and `demo` print with `--json`; every figure was measured. */
export interface RunSummary {
  readonly samples: number;
  readonly steps: number;
  readonly version: number;
  /** Prequential accuracy of the trained state over all samples. */
  readonly trainedAccuracy: number | null;
  /** Prequential accuracy of the deployed state over all samples. */
  readonly deployedAccuracy: number | null;
  /** Accuracy of the deployed state on data that was never trained on. */
  readonly heldOutAccuracy: number | null;
  /** As encoded, headers and checksums included. */
  readonly updateBytes: {
    readonly mean: number;
    readonly p50: number;
    readonly max: number;
    readonly total: number;
  };
  /** Updates from one estimate of BatchNorm statistics to the next; null in a model without any. */
  readonly buffersEvery: number | null;
  /** Bytes of the whole state. */
  readonly denseBytes: number;
  readonly stepMs: { readonly p50: number; readonly p99: number };
  /** From the end of the optimizer step to the replica's word that it serves the version. */
  readonly updateToReplicaMs: { readonly p50: number; readonly p99: number } | null;
  readonly fingerprint: string;
  readonly replicas: readonly ReplicaSummary[];
  /** Why and on what it trained, and what became of the samples that arrived. */
  readonly strategy: StrategyStatus;
  /** Prequential scores of the three states; null without samples. */
  readonly scores: ModelScores | null;
}

/** What a finished run has to say. */
export function summaryOf(
  run: Pick<FinishedTraining, "status" | "latest">,
  replicas: readonly ReplicaSummary[],
): RunSummary {
  const { latest } = run;
  const status = run.status();
  return {
    samples: status.samples,
    steps: status.steps,
    version: status.version,
    trainedAccuracy: latest?.trained.accuracy ?? null,
    deployedAccuracy: latest?.deployed.accuracy ?? null,
    heldOutAccuracy: status.heldOutAccuracy,
    updateBytes: status.updateBytes,
    buffersEvery: status.buffersEvery,
    denseBytes: status.denseBytes,
    stepMs: status.stepMs,
    updateToReplicaMs: status.updateToReplicaMs,
    fingerprint: status.fingerprint,
    replicas,
    strategy: status.strategy,
    scores: status.scores,
  };
}
