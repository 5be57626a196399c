import { systemClock } from "@everfresh/core";
import {
  type ErasableStores,
  openHistory,
  openLabelJoin,
  openQuarantine,
  openSampleUses,
  openWaitingSamples,
} from "@everfresh/streams";
import { openUpdateLog, openUpdateLogReader } from "@everfresh/sync/node";
import type { StateDirectory } from "../state/state-directory.ts";
import { eraseFrom, type ErasureReport, lookFor } from "./erasure-report.ts";

/** A state directory, and what is kept elsewhere. */
export interface StoppedPlace {
  readonly directory: StateDirectory;
  /** Files of inboxes and quarantines that a configuration names, beside the directory's own. */
  readonly files: readonly string[];
}

/**
 * Erases a sample from a state directory in which nobody works; it is locked meanwhile.
 * @throws LogLockedError when somebody works on it
 * @throws SampleUnknownError when there was nothing of it
 */
export async function eraseStopped(
  { directory, files }: StoppedPlace,
  id: string,
): Promise<ErasureReport> {
  const { databaseFile: file } = directory;
  await using log = await openUpdateLog({ file });
  await using history = await openHistory({ file, hotBytesMax: 0 });
  await using labels = await openLabelJoin({ file, clock: systemClock });
  using uses = openSampleUses({ file });
  const all = [...new Set([file, ...files])];
  const inbox: ErasableStores["inbox"] = {
    erase: async (each) => {
      let isErased = false;
      for (const own of all) {
        using waiting = openWaitingSamples({ file: own });
        isErased = (await waiting.erase(each)) || isErased;
      }
      return isErased;
    },
  };
  const quarantine: ErasableStores["quarantine"] = {
    erase: async (isMeant) => {
      let count = 0;
      for (const own of all) {
        await using rows = await openQuarantine({ file: own, clock: systemClock });
        count += await rows.erase(isMeant);
      }
      return count;
    },
  };
  const idField = directory.readRecord()?.idField;
  const named = idField === undefined ? {} : { idField };
  return await eraseFrom({ history, labels, uses, log, inbox, quarantine, ...named }, id);
}

/**
 * Looks for a sample in a state directory, also while a run works there.
 * @throws SampleUnknownError when the history does not have it
 */
export async function lookForStopped(
  { databaseFile: file }: StateDirectory,
  id: string,
): Promise<ErasureReport> {
  await using log = await openUpdateLogReader({ file });
  await using history = await openHistory({ file, hotBytesMax: 0 });
  using uses = openSampleUses({ file });
  return await lookFor({ history, uses, log }, id);
}
