/** A log that a publisher writes as a trainer does: undo records, lineage, anchors when due. */
import { DeployedState, type Fingerprint } from "@everfresh/core";

import type { Snapshot } from "../manifest.ts";
import type { Publisher } from "../publisher.fixture.ts";
import { undoRecordOf } from "./undo-record.ts";
import type { UpdateLog } from "./update-log.ts";

/** Bytes and fingerprint of a state. */
export interface Recorded {
  readonly fingerprint: Fingerprint;
  readonly bytes: Uint8Array;
}

/** Appends `count` versions and gives every state on the way, by version. */
export async function appendVersions(
  log: UpdateLog,
  publisher: Publisher,
  count: number,
  states: Map<number, Recorded> = new Map(),
): Promise<Map<number, Recorded>> {
  for (let i = 0; i < count; i++) {
    const before = new DeployedState(
      { ...publisher.deployed.state, ...copyOf(publisher.deployed) },
      publisher.deployed.version,
    );
    if (log.anchorDue) await log.putAnchor(snapshotOf(before));
    const { update, bytes } = publisher.next();
    const undo = undoRecordOf(before.state, update);
    const step = update.toVersion;
    await log.append(update, bytes, { undo, lineage: { step, samples: step * 8, drawn: step } });
    states.set(update.toVersion, recorded(publisher.deployed));
  }
  return states;
}

/** A copy of a state's values. */
export function recorded({ state, fingerprint }: DeployedState): Recorded {
  return { fingerprint, bytes: new Uint8Array(state.buffer).slice() };
}

/** A whole state, as an anchor holds it. */
export function snapshotOf(deployed: DeployedState): Snapshot {
  const { version } = deployed;
  return { version, ...recorded(deployed) };
}

function copyOf({ state }: DeployedState): Pick<DeployedState["state"], "buffer" | "parameters"> {
  const buffer = state.buffer.slice(0);
  return { buffer, parameters: new Float32Array(buffer, 0, state.layout.parameterCount) };
}
