/**
 * A new checkpoint and an entry of the log that belongs to it, as one step. The checkpoint is written
 * beside the current one, then the log takes the entry, then the checkpoint takes its place. Whenever
 * the process dies: while the log does not have the entry, nothing has happened; as soon as it has it,
 * the next start finds the checkpoint and finishes.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import type { TrainerCheckpoint } from "@everfresh/learn";
import type { UpdateLog } from "@everfresh/sync/node";
import { checkpointFile } from "./checkpoint-file.ts";
import type { StateDirectory } from "./state-directory.ts";

/** Where the parts are. */
export interface SwitchPlace {
  readonly directory: StateDirectory;
  readonly log: UpdateLog;
}

/**
 * Makes `checkpoint` the current one together with what `enter` writes to the log: its version, in one
 * transaction. When that fails, the next start finds out whether it happened.
 */
export async function switchCheckpoint<T>(
  place: SwitchPlace,
  checkpoint: TrainerCheckpoint,
  enter: () => Promise<T>,
): Promise<T> {
  await checkpointFile(place.directory.nextCheckpointFile).save(checkpoint);
  const entered = await enter();
  await finishSwitch(place);
  return entered;
}

/** Finishes a switch whose entry the log has; forgets one that never happened. */
export async function finishSwitch({ directory, log }: SwitchPlace): Promise<void> {
  const { nextCheckpointFile, checkpointFile: current } = directory;
  if (!existsSync(nextCheckpointFile)) return;
  const next = await checkpointFile(nextCheckpointFile).latest();
  const head = log.head();
  // Nothing is appended before a switch is finished, so its entry is the head or nowhere.
  if (head?.version === next?.version && head?.fingerprint === next?.fingerprint) {
    renameSync(nextCheckpointFile, current);
  } else rmSync(nextCheckpointFile);
}
