import type { DeployedState, StateLayout } from "@everfresh/core";
import { deployedAt, type TrainerCheckpoint } from "@everfresh/learn";
import { stateAt, type UpdateLog } from "@everfresh/sync/node";

/** The state at the head of a log, from a checkpoint of the same model where that is nearer. */
export function deployedHead(
  log: UpdateLog,
  layout: StateLayout,
  checkpoint: TrainerCheckpoint,
): Promise<DeployedState> {
  const isSameSize = checkpoint.deployed.byteLength === layout.byteLength;
  return stateAt(log, {
    layout,
    version: log.head()?.version ?? checkpoint.version,
    near: isSameSize ? deployedAt(checkpoint, layout) : undefined,
  });
}
