import { type DeployedState, deployCopy } from "@everfresh/core";
import { type Lineage, type LogReading, stateAt, type UpdateLog } from "@everfresh/sync/node";
import { RollbackRefusedError } from "../errors.ts";

/** A state that was deployed once. */
export interface EarlierState {
  readonly state: DeployedState["state"];
  /** Event time of the newest sample that it has learned from, Unix milliseconds; null if unknown. */
  readonly eventTimeMs: number | null;
}

/**
 * The state of `version`, in memory of its own.
 * @param newest the state at the head of the log; it stays as it is
 * @throws VersionNotKeptError when the log does not have the version
 * @throws RollbackRefusedError when it is of another generation
 */
export async function earlierState(
  log: UpdateLog,
  newest: DeployedState,
  version: number,
): Promise<EarlierState> {
  const { layout } = newest.state;
  const generation = await log.generation();
  if (generation !== null && version < generation.firstVersion) {
    const oldest = await log.oldest();
    if (oldest === null || version >= oldest) {
      throw new RollbackRefusedError(
        `version ${version} is of another model than the current one, which begins with version ${generation.firstVersion}`,
      );
    }
  }
  const near = deployCopy(newest.state, newest.version);
  const { state } = await stateAt(log, { layout, version, near });
  const [entry] = await log.entries({ limit: 1, before: version });
  return { state, eventTimeMs: entry?.version === version ? entry.eventTimeMs : null };
}

/** How `version` came to be, or the newest version before it of which that is known. */
export async function lineageAt(
  log: Pick<LogReading, "entries">,
  version: number,
): Promise<Lineage | null> {
  // Only where a generation begins there is none.
  for (const { lineage } of await log.entries({ limit: 2, before: version })) {
    if (lineage !== null) return lineage;
  }
  return null;
}
