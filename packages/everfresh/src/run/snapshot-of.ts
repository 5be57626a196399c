import { type DeployedState, stateBytes } from "@everfresh/core";
import type { Snapshot } from "@everfresh/sync";

/** A deployed state as the log stores it whole: a view on its memory, to be used at once. */
export function snapshotOf(deployed: DeployedState): Snapshot {
  const { version, fingerprint, eventTimeMs, state } = deployed;
  const time = eventTimeMs === null ? {} : { eventTimeMs };
  return { version, fingerprint, ...time, bytes: stateBytes(state) };
}
