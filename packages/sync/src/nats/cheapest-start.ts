/**
 * Where a replica begins to read, as a pure choice:
 *
 *   stream   ──┬── u ── u ── u ──┬── u ── u ── u ──┤ end
 *              │ what it has     │ anchor
 *              └── bytes of the updates behind it    └── bytes of the anchor and of those behind it
 */
import type { StateName } from "../replica/runtime.ts";
import type { Anchor } from "../transport/http/http-head.ts";
import type { StreamUpdate } from "./stream-update.ts";

/** What is known of a model's stream at one moment. */
export interface StreamView {
  readonly anchors: readonly Anchor[];
  /** Where the updates lead to. */
  readonly end: StateName;
  /** Bytes of all updates of the chain. */
  readonly endOffset: number;
  /** The place of the newest message. */
  readonly endSequence: number;
  /** By version, for what the replica has and for each anchor: the update that leads on. */
  readonly next: ReadonlyMap<number, StreamUpdate>;
  /** Versions from which no replica gets on by the stream's update. */
  readonly suspects: ReadonlySet<number>;
}

/** What to fetch first, and from where to follow. */
export interface Start {
  /** The anchor to fetch; null to go on from what is there. */
  readonly anchor: Anchor | null;
  /** The place in the stream from which on to read. */
  readonly sequence: number;
  /** Of all that is to be fetched up to the end. */
  readonly bytes: number;
}

/**
 * The way with the fewest bytes to the end; null when there is none.
 * @param have what the replica can go on from; null for nothing
 */
export function cheapestStart(view: StreamView, have: StateName | null): Start | null {
  const starts: Start[] = [];
  if (have !== null && isAtEnd(view, have)) {
    starts.push({ anchor: null, sequence: view.endSequence + 1, bytes: 0 });
  } else if (have !== null) {
    const behind = behindOf(view, have.version);
    if (behind !== null) starts.push({ anchor: null, ...behind });
  }
  for (const anchor of view.anchors) {
    // Nobody is led back who is on the way.
    if (have !== null && anchor.version < have.version && have.version <= view.end.version)
      continue;
    const behind =
      anchor.version === view.end.version
        ? { sequence: view.endSequence + 1, bytes: 0 }
        : behindOf(view, anchor.version);
    if (behind === null) continue;
    starts.push({ anchor, sequence: behind.sequence, bytes: anchor.bytes + behind.bytes });
  }
  return starts.reduce<Start | null>(
    (best, start) => (best === null || start.bytes < best.bytes ? start : best),
    null,
  );
}

function isAtEnd({ end }: StreamView, have: StateName): boolean {
  return have.version === end.version && have.fingerprint === end.fingerprint;
}

/** The updates that lead from a version to the end; null when they do not all do. */
function behindOf(view: StreamView, version: number): Pick<Start, "sequence" | "bytes"> | null {
  const first = view.next.get(version);
  if (first === undefined || version >= view.end.version) return null;
  for (const suspect of view.suspects) {
    if (suspect >= version && suspect < view.end.version) return null;
  }
  return { sequence: first.sequence, bytes: view.endOffset - first.offset };
}
