import type { Fingerprint } from "@everfresh/core";

import { readUpdateHeader } from "../../codec/update-header.ts";
import type { PublishedUpdate } from "../../feed/recent-updates.ts";
import type { StateName } from "../../replica/runtime.ts";
import {
  segmentBody,
  SEGMENT_SPANS,
  SEGMENTS_PER_LEVEL,
  SINGLES_KEPT_MAX,
  singlesKept,
  updatesOf,
} from "./segment.ts";
import type { ArchivedSegment } from "./segment-store.ts";

/** What a publisher that has started again can still offer, and build upon. */
export interface ArchivedPast {
  /** Updates from this version on are known, without a gap. */
  readonly first: number;
  /** The states at the versions at which segments begin, from `first` on. */
  readonly starts: ReadonlyMap<number, Fingerprint>;
  /** By level, oldest first, each from where the one before it ends. */
  readonly levels: readonly (readonly ArchivedSegment[])[];
}

/** The oldest version that {@link recallPast} has a use for, when the newest is `version`. */
export function oldestUsed(version: number): number {
  const longest = SEGMENT_SPANS.at(-1) ?? 1;
  return Math.max(0, Math.min(version - (version % longest), version - SINGLES_KEPT_MAX));
}

/**
 * Puts together what log and store have of the versions up to `at`. What does not lead there, link by
 * link, is left out: it may be of another life of the log.
 * @param updates the newest ones of the log, in order, as they are sent
 */
export function recallPast(
  at: StateName,
  updates: readonly PublishedUpdate[],
  stored: readonly ArchivedSegment[],
): ArchivedPast {
  const chain = chainTo(at, updates);
  const first = chain[0]?.span.fromVersion ?? at.version;
  const starts = new Map<number, Fingerprint>([[at.version, at.fingerprint]]);
  for (const { span } of chain) starts.set(span.fromVersion, span.fingerprintBefore);
  const levels = SEGMENT_SPANS.map((span, level) => {
    if (level === 0) {
      const singles = chain.slice(-SINGLES_KEPT_MAX).map(singleSegment);
      return singles.slice(singles.length - singlesKept(singles));
    }
    const version = at.version - (at.version % span);
    const fingerprint = starts.get(version);
    const candidates = stored.filter((segment) => segment.level === level);
    return fingerprint === undefined ? [] : segmentsTo({ version, fingerprint }, candidates);
  });
  const shortest = SEGMENT_SPANS[1] ?? 1;
  for (const version of starts.keys()) {
    if (version % shortest !== 0 && version !== first) starts.delete(version);
  }
  return { first, starts, levels };
}

/** The newest updates of which each starts where the one before it ends, the last one at `at`. */
function chainTo(at: StateName, updates: readonly PublishedUpdate[]): readonly PublishedUpdate[] {
  let { version, fingerprint } = at;
  let from = updates.length;
  for (; from > 0; from--) {
    const span = updates[from - 1]?.span;
    if (span?.toVersion !== version || span.fingerprintAfter !== fingerprint) break;
    version = span.fromVersion;
    fingerprint = span.fingerprintBefore;
  }
  return updates.slice(from);
}

function segmentsTo(
  at: StateName,
  candidates: readonly ArchivedSegment[],
): readonly ArchivedSegment[] {
  const kept: ArchivedSegment[] = [];
  let { version, fingerprint } = at;
  for (const segment of [...candidates].sort((a, b) => b.to - a.to)) {
    const headers = updatesOf(segment.body).map((bytes) => readUpdateHeader(bytes));
    const isNext = segment.to === version && headers.at(-1)?.fingerprintAfter === fingerprint;
    if (!isNext || kept.length === SEGMENTS_PER_LEVEL) break;
    kept.unshift(segment);
    version = segment.from;
    fingerprint = headers[0]?.fingerprintBefore ?? "";
  }
  return kept;
}

function singleSegment({ span, bytes }: PublishedUpdate): ArchivedSegment {
  return { level: 0, from: span.fromVersion, to: span.toVersion, body: segmentBody([bytes]) };
}
