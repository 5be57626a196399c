import {
  type Fingerprint,
  fingerprintOf,
  type ModelState,
  type StateLayout,
  stateOn,
} from "@everfresh/core";
import { deployedAt } from "@everfresh/learn";
import { openUpdateLogReader, stateAt } from "@everfresh/sync/node";
import { StateDirectoryError } from "../errors.ts";
import { checkpointFile } from "../state/checkpoint-file.ts";
import type { StateDirectory } from "../state/state-directory.ts";

/** Which state of a run is meant. */
export type StateChoice =
  | {
      /** What replicas have: the newest version, or an earlier one. */
      readonly kind: "deployed";
      readonly version?: number;
    }
  | {
      /** What the trainer had learned at its last checkpoint. */
      readonly kind: "trained";
    };

/** A state of a run, with its own memory. */
export interface ChosenState {
  readonly state: ModelState;
  /** For a trained state the version that was deployed then. */
  readonly version: number;
  /** Of this very state. */
  readonly fingerprint: Fingerprint;
}

/**
 * Reads a state from a state directory that a trainer may be writing to.
 * @throws VersionNotKeptError when the log does not have the version
 * @throws StateDirectoryError when nothing was stored yet
 * @throws ShapeError or FingerprintMismatchError when the directory belongs to another layout
 */
export async function chosenState(
  directory: StateDirectory,
  layout: StateLayout,
  choice: StateChoice,
): Promise<ChosenState> {
  // Before the log: whatever comes meanwhile, the log then goes at least as far as the checkpoint.
  const checkpoint = await checkpointFile(directory.checkpointFile).latest();
  if (choice.kind === "trained") {
    if (checkpoint === null) {
      throw new StateDirectoryError(
        `${directory.path} has no checkpoint yet, so no trained state; try again after some steps`,
      );
    }
    const state = stateOn(layout, new Uint8Array(checkpoint.training.state).buffer);
    return { state, version: checkpoint.version, fingerprint: fingerprintOf(state) };
  }
  await using log = await openUpdateLogReader({ file: directory.databaseFile });
  const newest = (await log.head())?.version ?? 0;
  const version = choice.version ?? newest;
  const near = checkpoint === null ? undefined : deployedAt(checkpoint, layout);
  const start = await stateAt(log, { layout, version, near });
  return { state: start.state, version, fingerprint: start.fingerprint };
}
