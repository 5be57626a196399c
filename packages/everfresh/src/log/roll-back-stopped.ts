import { durableJournal } from "@everfresh/learn";
import { openJournalRecords } from "@everfresh/streams";
import { openUpdateLog } from "@everfresh/sync/node";
import { StateDirectoryError } from "../errors.ts";
import { checkpointFile } from "../state/checkpoint-file.ts";
import { finishSwitch } from "../state/checkpoint-switch.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import { deployedHead } from "./deployed-head.ts";
import {
  checkpointOrRefuse,
  rollBack,
  type RollbackReport,
  type RollbackRequest,
} from "./roll-back.ts";

/**
 * Brings back an earlier version in a state directory on which nobody works; it is locked meanwhile.
 * @throws LogLockedError when somebody works on it
 * @throws VersionNotKeptError, RollbackRefusedError when the version cannot come back
 */
export async function rollBackStopped(
  directory: StateDirectory,
  request: RollbackRequest,
): Promise<RollbackReport> {
  await using log = await openUpdateLog({ file: directory.databaseFile });
  await finishSwitch({ directory, log });
  const current = checkpointOrRefuse(await checkpointFile(directory.checkpointFile).latest());
  const generation = await log.generation();
  if (generation === null) {
    throw new StateDirectoryError(
      `${directory.path} has a log without a manifest; it is not a run`,
    );
  }
  const deployed = await deployedHead(log, generation.manifest.layout, current);
  using records = openJournalRecords({ file: directory.databaseFile });
  const journal = durableJournal(records);
  return (await rollBack({ directory, log, deployed, current, journal }, request)).report;
}
