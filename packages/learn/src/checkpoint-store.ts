import {
  cloneState,
  DeployedState,
  type Fingerprint,
  type RandomPosition,
  type StateLayout,
  stateOn,
  type StateOptions,
} from "@everfresh/core";
import type { TrainingCheckpoint } from "@everfresh/engine";
import type { PrequentialCheckpoint } from "./evaluate/prequential.ts";
import type { SparsifierPosition } from "./sparsifiers/sparsifier.ts";

/** Everything that training needs to go on, bit for bit, as if it had not stopped between two steps. */
export interface TrainerCheckpoint {
  /** Steps made. */
  readonly step: number;
  /** Samples of the history that training has seen. */
  readonly samples: number;
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
  /** Where the sampler's random numbers are. */
  readonly sampler: RandomPosition;
  /** Where the sparsifier is; absent for one that has no position. */
  readonly sparsifier?: SparsifierPosition;
  /** Prequential counters of the two states. */
  readonly prequential: {
    readonly trained: PrequentialCheckpoint;
    readonly deployed: PrequentialCheckpoint;
  };
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
