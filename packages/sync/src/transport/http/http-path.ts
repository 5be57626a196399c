import type { Anchor, HttpHead, Segment } from "./http-head.ts";

/** What to fetch, in this order. */
export interface HttpPath {
  /** First of all this snapshot, if any. */
  readonly anchor: Anchor | null;
  readonly segments: readonly Segment[];
  /** Of all bodies. */
  readonly bytes: number;
}

interface Way {
  readonly bytes: number;
  readonly last: Anchor | Segment | null;
}

/**
 * The way with the fewest bytes from `have` to the head, over segments, or an anchor and segments;
 * null when there is none. Segments lead forward, so one pass by version finds it. An anchor that is not
 * newer than what is there does not count: replicas take none in the middle of a connection.
 * @param have the version that is there; null for none
 */
export function cheapestPath(
  head: Pick<HttpHead, "version" | "anchors" | "segments">,
  have: number | null,
): HttpPath | null {
  const ways = new Map<number, Way>();
  const reach = (version: number, way: Way): void => {
    const known = ways.get(version);
    if (known === undefined || way.bytes < known.bytes) ways.set(version, way);
  };
  if (have !== null) reach(have, { bytes: 0, last: null });
  for (const anchor of head.anchors) {
    if (have !== null && anchor.version <= have) continue;
    reach(anchor.version, { bytes: anchor.bytes, last: anchor });
  }
  for (const segment of head.segments) {
    const way = ways.get(segment.from);
    if (way === undefined || segment.to <= segment.from) continue;
    reach(segment.to, { bytes: way.bytes + segment.bytes, last: segment });
  }
  const end = ways.get(head.version);
  if (end === undefined) return null;
  const segments: Segment[] = [];
  let { last } = end;
  while (last !== null && "from" in last) {
    segments.push(last);
    last = ways.get(last.from)?.last ?? null;
  }
  return { anchor: last, segments: segments.reverse(), bytes: end.bytes };
}
