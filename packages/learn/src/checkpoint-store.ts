import {
  cloneState,
  DeployedState,
  type Fingerprint,
  type StateLayout,
  stateOn,
  type StateOptions,
} from "@everfresh/core";
import type { TrainingCheckpoint } from "@everfresh/engine";
import type { DriftWatchCheckpoint } from "./drift/monitor/drift-watch-options.ts";
import type { LiveEvaluationCheckpoint } from "./evaluate/live-evaluation.ts";
import type { SparsifierPosition } from "./sparsifiers/sparsifier.ts";
import type { BatchReaderPosition } from "./strategies/batch-reader.ts";
import type { Costs } from "./strategies/cost-account.ts";
import type { RecordedStrategy } from "./strategies/recorded-strategy.ts";

/** Everything that training needs to go on, bit for bit, as if it had not stopped between two steps. */
export interface TrainerCheckpoint {
  /** Iterations of training made. */
  readonly step: number;
  /** Samples of the history that training has taken up. */
  readonly samples: number;
  /** Samples of the history that were tested. */
  readonly tested: number;
  /** Version of the deployed state. */
  readonly version: number;
  /** Fingerprint of the deployed state. */
  readonly fingerprint: Fingerprint;
  /** The deployed state `x̂`, as the bytes of a state's buffer. */
  readonly deployed: Uint8Array;
  /**
   * The trained state `θ` and the optimizer; without a byte of the latter, which a rollback leaves
   * behind, the optimizer starts anew.
   */
  readonly training: TrainingCheckpoint;
  /** Where the strategy is. */
  readonly strategy: RecordedStrategy;
  /** Where the sparsifier is; absent for one that has no position. */
  readonly sparsifier?: SparsifierPosition;
  /** Where the features of batches are; absent where preprocessing neither learns nor augments. */
  readonly features?: BatchReaderPosition;
  /** Scores of the samples that were tested; null where they begin anew. */
  readonly evaluation: LiveEvaluationCheckpoint | null;
  /** Where the watch for drift is; absent where nobody watches. */
  readonly drift?: DriftWatchCheckpoint;
  /** What it has cost so far; null where that begins anew. */
  readonly costs: Costs | null;
}

/** Where checkpoints are kept. */
export interface CheckpointStore {
  /** Makes a checkpoint durable: after a crash at any moment the store has this one or the one before. */
  save(checkpoint: TrainerCheckpoint): Promise<void>;
  /** The last one that was saved, or null. */
  latest(): Promise<TrainerCheckpoint | null>;
}

/**
 * The deployed state of a checkpoint, in memory of its own.
 * @param place where that is
 * @throws ShapeError when the layout is not the one of the checkpoint's model
 * @throws FingerprintMismatchError when the bytes are not what they were
 */
export function deployedAt(
  checkpoint: TrainerCheckpoint,
  layout: StateLayout,
  place: StateOptions = {},
): DeployedState {
  const bytes = new Uint8Array(checkpoint.deployed);
  const state = cloneState(stateOn(layout, bytes.buffer), place);
  return new DeployedState(state, checkpoint.version, checkpoint.fingerprint);
}
