import {
  type CheckpointStore,
  durableJournal,
  type Journal,
  type RetrainingStore,
  type TrainerCheckpoint,
} from "@everfresh/learn";
import {
  type History,
  openHistory,
  openJournalRecords,
  openSampleUses,
  type SampleUses,
} from "@everfresh/streams";
import type { SegmentStore } from "@everfresh/sync";
import {
  type AnchorPolicy,
  openSegmentStore,
  openUpdateLog,
  type Retention,
  type UpdateLog,
} from "@everfresh/sync/node";
import { StateDirectoryError } from "../errors.ts";
import { recordingUses } from "../samples/record-uses.ts";
import { checkpointFile } from "../state/checkpoint-file.ts";
import { finishSwitch } from "../state/checkpoint-switch.ts";
import { retrainingFile } from "../state/retraining-file.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import type { Resources } from "./resources.ts";

/** What a run remembers beyond its process. */
export interface Stores {
  readonly directory: StateDirectory;
  readonly log: UpdateLog;
  readonly history: History;
  readonly checkpoints: CheckpointStore;
  /** What training goes by, written down before it does. */
  readonly journal: Journal;
  /** Which samples each iteration has trained on. */
  readonly uses: SampleUses;
  /** Where the retraining that runs is. */
  readonly retrainings: RetrainingStore;
  /** Merged updates for replicas that poll. */
  readonly segments: SegmentStore;
  /** The last checkpoint; null in a fresh directory. */
  readonly checkpoint: TrainerCheckpoint | null;
  /** Version of the newest logged update when the stores were opened, 0 in a fresh directory. */
  readonly loggedVersion: number;
}

/** What a log stores beside its updates, and what it keeps. */
export interface LogPolicies {
  readonly anchors?: AnchorPolicy | undefined;
  readonly retention?: Retention | undefined;
}

/**
 * Opens log, history and checkpoints of a state directory.
 * @throws StateDirectoryError when they do not belong together, and what each of them throws
 */
export async function openStores(
  directory: StateDirectory,
  resources: Resources,
  { anchors, retention }: LogPolicies = {},
): Promise<Stores> {
  const log = await openUpdateLog({
    file: directory.databaseFile,
    ...(anchors === undefined ? {} : { anchors }),
    ...(retention === undefined ? {} : { retention }),
  });
  resources.add(() => log[Symbol.asyncDispose]());
  await finishSwitch({ directory, log });
  const history = await openHistory({ file: directory.databaseFile });
  resources.add(() => history[Symbol.asyncDispose]());
  const records = openJournalRecords({ file: directory.databaseFile });
  resources.add(() => records[Symbol.dispose]());
  const uses = openSampleUses({ file: directory.databaseFile });
  resources.add(() => uses[Symbol.dispose]());
  const journal = recordingUses(durableJournal(records), uses);
  const segments = openSegmentStore({ file: directory.databaseFile });
  resources.add(() => segments[Symbol.dispose]());
  const checkpoints = trimmingCheckpoints(checkpointFile(directory.checkpointFile), log);
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
  const retrainings = retrainingFile(directory.retrainingFile);
  const kept = { log, history, segments, checkpoints, retrainings, journal, uses };
  return { directory, ...kept, checkpoint, loggedVersion };
}

/**
 * Checkpoints that never get ahead of the log, not even by a power failure, and after each of which
 * the log lets go of what it need not keep.
 */
function trimmingCheckpoints(store: CheckpointStore, log: UpdateLog): CheckpointStore {
  return {
    latest: () => store.latest(),
    save: async (checkpoint) => {
      await log.flush();
      await store.save(checkpoint);
      await log.compact({ keep: checkpoint.version });
    },
  };
}
