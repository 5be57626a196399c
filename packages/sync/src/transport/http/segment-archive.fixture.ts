/** Follows what an archive offers, as a polling replica does. */
import { DeployedState } from "@everfresh/core";

import { decodeSnapshot } from "../../codec/snapshot-codec.ts";
import { decodeUpdate } from "../../codec/update-codec.ts";
import { stateOfSnapshot } from "../../manifest.ts";
import type { Publisher } from "../../publisher.fixture.ts";
import type { HttpHead } from "./http-head.ts";
import { cheapestPath } from "./http-path.ts";
import type { SegmentArchive } from "./segment-archive.ts";
import { updatesOf } from "./segment.ts";

const NOTHING = new Uint8Array(0);

/** The publisher's state as it is now. */
export function copyOf({ deployed }: Publisher): DeployedState {
  return clone(deployed);
}

/** The fingerprint after what the head says is fetched and applied; `from` stays as it is. */
export function reached(
  archive: SegmentArchive,
  head: HttpHead,
  from: DeployedState | null,
  layout: DeployedState["state"]["layout"],
): string {
  const path = cheapestPath(head, from?.version ?? null);
  if (path === null) return "no way";
  let state = from === null ? null : clone(from);
  if (path.anchor !== null) {
    const snapshot = decodeSnapshot(archive.anchor(path.anchor.version) ?? NOTHING);
    const { version, fingerprint } = snapshot;
    state = new DeployedState(stateOfSnapshot(layout, snapshot), version, fingerprint);
  }
  for (const { from: start, to } of path.segments) {
    for (const bytes of updatesOf(archive.segment(start, to) ?? NOTHING)) {
      state?.apply(decodeUpdate(bytes, { layout }));
    }
  }
  return state?.fingerprint ?? "";
}

function clone({ state, version, fingerprint }: DeployedState): DeployedState {
  const bytes = new Uint8Array(state.buffer).slice();
  const copy = stateOfSnapshot(state.layout, { version, fingerprint, bytes });
  return new DeployedState(copy, version);
}
