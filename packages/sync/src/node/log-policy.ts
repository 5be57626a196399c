import { assert } from "@everfresh/core";

/** When a full state is stored beside the updates. */
export interface AnchorPolicy {
  /**
   * After so many versions at the latest: bounds how many updates a reconstruction applies.
   * @default 10,000
   */
  readonly everyVersions?: number;
  /**
   * Once the updates since the last anchor have so many times its bytes: bounds the bytes that a
   * reconstruction reads, and keeps anchors from outweighing the log.
   * @default 1
   */
  readonly outweighedBy?: number;
}

/**
 * What is kept of the past; without limits everything. Several limits apply together: what is beyond
 * any of them goes. Deletion goes from anchor to anchor, so a log keeps up to one anchor's distance
 * more than it must, and the newest version always.
 */
export interface Retention {
  /** The newest so many versions. */
  readonly versions?: number;
  /** Versions that were the newest at some time in the last so many days. */
  readonly days?: number;
  /** So many bytes of updates and anchors. */
  readonly bytes?: number;
}

/** Measured (docs/decisions/0014): 10,000 small updates apply in about 0.2 s. */
const ANCHOR_EVERY_VERSIONS_DEFAULT = 10_000;

const OUTWEIGHED_BY_DEFAULT = 1;

const MS_PER_DAY = 86_400_000;

/** Whether an anchor is due, so many versions and bytes of updates after one of `anchorBytes`. */
export function isAnchorDue(
  policy: AnchorPolicy,
  since: { readonly versions: number; readonly bytes: number; readonly anchorBytes: number },
): boolean {
  const { everyVersions = ANCHOR_EVERY_VERSIONS_DEFAULT } = policy;
  const { outweighedBy = OUTWEIGHED_BY_DEFAULT } = policy;
  if (since.versions === 0) return false;
  return since.versions >= everyVersions || since.bytes >= outweighedBy * since.anchorBytes;
}

/** What decides whether the oldest part of a log goes: all versions before the second-oldest anchor. */
export interface OldestPart {
  /** The anchor that would be the oldest one then. */
  readonly nextAnchor: { readonly version: number; readonly timeMs: number };
  /** The newest version. */
  readonly head: number;
  /** Everything that the log holds now. */
  readonly bytes: number;
  readonly nowMs: number;
}

/** Whether the oldest part of a log is beyond `retention`. */
export function isBeyond(retention: Retention, part: OldestPart): boolean {
  const { versions = Infinity, days = Infinity, bytes = Infinity } = retention;
  const { nextAnchor, head } = part;
  if (nextAnchor.version <= head - versions + 1) return true;
  // From then on every version before it was an old one.
  if (nextAnchor.timeMs <= part.nowMs - days * MS_PER_DAY) return true;
  return part.bytes > bytes;
}

/** Checks the numbers of both policies; they come from a program's own code. */
export function checkPolicies(anchors: AnchorPolicy, retention: Retention): void {
  const numbers = { ...anchors, ...retention };
  for (const [name, value] of Object.entries(numbers) as [string, number | undefined][]) {
    assert(value === undefined || value > 0, `${name} of a log must be above 0, got ${value}`);
  }
}
