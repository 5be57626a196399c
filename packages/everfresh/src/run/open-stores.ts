import type { CheckpointStore, TrainerCheckpoint } from "@everfresh/learn";
import { type History, openHistory } from "@everfresh/streams";
import { openUpdateLog, type UpdateLog } from "@everfresh/sync/node";
import { StateDirectoryError } from "../errors.ts";
import { checkpointFile } from "../state/checkpoint-file.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import type { Resources } from "./resources.ts";

/** What a run remembers beyond its process. */
export interface Stores {
  readonly log: UpdateLog;
  readonly history: History;
  readonly checkpoints: CheckpointStore;
  /** The last checkpoint; null in a fresh directory. */
  readonly checkpoint: TrainerCheckpoint | null;
  /** Version of the newest logged update when the stores were opened, 0 in a fresh directory. */
  readonly loggedVersion: number;
}

/**
 * Opens log, history and checkpoints of a state directory.
 * @throws StateDirectoryError when they do not belong together, and what each of them throws
 */
export async function openStores(directory: StateDirectory, resources: Resources): Promise<Stores> {
  const log = await openUpdateLog({ file: directory.databaseFile });
  resources.add(() => log[Symbol.asyncDispose]());
  const history = await openHistory({ file: directory.databaseFile });
  resources.add(() => history[Symbol.asyncDispose]());
  const checkpoints = checkpointFile(directory.checkpointFile);
  const checkpoint = await checkpoints.latest();
  const loggedVersion = log.head()?.version ?? 0;
  if (checkpoint === null && loggedVersion > 0) {
    throw new StateDirectoryError(
      `${directory.path} has a log but no checkpoint; restore checkpoint.bin or choose another directory with --state DIR`,
    );
  }
  if ((checkpoint?.version ?? 0) > loggedVersion) {
    throw new StateDirectoryError(
      `The log in ${directory.path} ends at version ${loggedVersion}, before the checkpoint of version ${checkpoint?.version ?? 0}; restore it or choose another directory with --state DIR`,
    );
  }
  return { log, history, checkpoints, checkpoint, loggedVersion };
}
