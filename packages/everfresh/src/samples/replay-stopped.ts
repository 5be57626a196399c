import { systemClock } from "@everfresh/core";
import { closeSource, openHistory, openLabelJoin } from "@everfresh/streams";
import { openUpdateLog } from "@everfresh/sync/node";
import type { LoadedConfig } from "../config/load-config.ts";
import { Resources } from "../run/resources.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import {
  replayableOrRefuse,
  replayRows,
  type ReplayReport,
  type RowsToReplay,
} from "./replay-rows.ts";
import { replayableSource } from "./replayable-source.ts";

/**
 * Lets the source of a configuration take broken rows again, where nobody works in the state directory;
 * it is locked meanwhile. The next run learns from them.
 * @throws LogLockedError when somebody works on it
 * @throws QuarantineRowError when rows are not there, or cannot be taken; and what the source throws
 */
export async function replayStopped(
  { definition, directory: folder }: LoadedConfig,
  { databaseFile }: StateDirectory,
  rows: RowsToReplay,
): Promise<ReplayReport> {
  const resources = new Resources();
  try {
    const log = await openUpdateLog({ file: databaseFile });
    resources.add(() => log[Symbol.asyncDispose]());
    const source = await definition.source({ directory: folder, databaseFile });
    resources.add(() => source.quarantine?.[Symbol.asyncDispose]());
    resources.add(() => closeSource(source));
    const history = await openHistory({ file: databaseFile, hotBytesMax: 0 });
    resources.add(() => history[Symbol.asyncDispose]());
    const join = await openLabelJoin({ file: databaseFile, clock: systemClock });
    resources.add(() => join[Symbol.asyncDispose]());
    const labels = definition.labels === undefined ? null : { join };
    const place = { databaseFile, history, labels, clock: systemClock };
    const opened = replayableSource(source, place);
    resources.add(() => opened.replayed?.[Symbol.dispose]());
    return await replayRows(replayableOrRefuse(opened.source), rows);
  } finally {
    await resources.close();
  }
}
