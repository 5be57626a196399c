import { DeployedState, type StateLayout, type Update } from "@everfresh/core";

import { decodeUpdate } from "../codec/update-codec.ts";
import { LogCorruptError, VersionNotKeptError } from "../errors.ts";
import { stateOfSnapshot } from "../manifest.ts";
import type { StateName } from "../replica/runtime.ts";
import { takeBack } from "./undo-record.ts";
import { type LogReading, rollTo } from "./update-log.ts";

/** A log of which states are wanted. */
export type StateSource = LogReading & { head(): StateName | null | Promise<StateName | null> };

/** Options of {@link stateAt}. */
export interface StateAtOptions {
  readonly layout: StateLayout;
  readonly version: number;
  /**
   * A state of this log that is at hand, at any version of the same generation. Its memory is taken
   * over: it is changed, also when this fails.
   */
  readonly near?: DeployedState | undefined;
}

/**
 * The state of a version, bit for bit: forward from the newest anchor before it, or from `near`;
 * or backward from `near` where that is shorter and the undo records are there.
 * @throws VersionNotKeptError when the log does not have the version, or has it no more
 * @throws LogCorruptError, FingerprintMismatchError when what leads there is damaged
 */
export async function stateAt(
  log: StateSource,
  { layout, version, near }: StateAtOptions,
): Promise<DeployedState> {
  if (near !== undefined && near.version > version) {
    const earlier = await backward(log, near, version);
    if (earlier !== null) return earlier;
  }
  const anchor = await log.nearestAnchor(version);
  const at =
    near !== undefined && near.version <= version && near.version >= (anchor?.version ?? -1)
      ? near
      : anchor === null
        ? null
        : new DeployedState(stateOfSnapshot(layout, anchor), anchor.version, anchor.fingerprint);
  if (at !== null) await rollTo(at, log, version);
  if (at?.version === version) return at;
  const newest = (await log.head())?.version ?? 0;
  throw new VersionNotKeptError(version, { oldest: (await log.oldest()) ?? newest, newest });
}

/** Takes updates back one by one; null when an undo record is missing, with `near` as it was. */
async function backward(
  log: StateSource,
  near: DeployedState,
  version: number,
): Promise<DeployedState | null> {
  const { layout } = near.state;
  const records = await log.undoRecords(version + 1, near.version);
  if (records === null) return null;
  const updates: Update[] = [];
  for await (const bytes of log.range(version + 1, near.version)) {
    updates.push(decodeUpdate(bytes, { layout }));
  }
  if (updates.length !== records.length) return null;
  for (const [at, update] of [...updates.entries()].reverse()) {
    try {
      takeBack(near.state, update, records[at] ?? new Uint8Array());
    } catch (error) {
      throw new LogCorruptError(log.id, `undo record ${update.toVersion} is damaged`, error);
    }
  }
  return new DeployedState(near.state, version, updates[0]?.fingerprintBefore);
}
