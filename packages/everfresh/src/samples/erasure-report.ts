import {
  eraseSample,
  type ErasableStores,
  type History,
  type SampleUses,
} from "@everfresh/streams";
import type { LogReading } from "@everfresh/sync/node";
import { SampleUnknownError } from "../errors.ts";
import { type LearnedVersions, learnedVersions } from "./learned-versions.ts";

/** What `everfresh erase ID --json` prints. */
export interface ErasureReport {
  readonly id: string;
  /** Whether it is erased; false where it was only looked for. */
  readonly erased: boolean;
  /** In the history, where an empty sample has its place; null when it was not there. */
  readonly position: number | null;
  /** Whether predictions or a label waited for one another; null where it was only looked for. */
  readonly labels: boolean | null;
  /** Whether it waited, or was known, on its way to the history; null where it was only looked for. */
  readonly inbox: boolean | null;
  /** Broken rows that were of it; null where it was only looked for. */
  readonly quarantined: number | null;
  /** Versions that have learned from it; null when it was not in the history. */
  readonly learned: LearnedVersions | null;
}

/** Where a sample is erased; nobody else changes it meanwhile. */
export interface ErasureSite extends ErasableStores {
  readonly history: Pick<History, "erase" | "positionOf">;
  readonly uses: SampleUses;
  readonly log: LogReading;
}

/**
 * Erases a sample from all stores of a run. After a crash in between it is to be asked for again.
 * @throws SampleUnknownError when there was nothing of it
 */
export async function eraseFrom(site: ErasureSite, id: string): Promise<ErasureReport> {
  // Before: the history then knows it no more.
  const learned = await learnedFrom(site, id);
  const { position, labels, inbox, quarantined } = await eraseSample(id, site);
  if (position === null && !labels && !inbox && quarantined === 0) throw new SampleUnknownError(id);
  return { id, erased: true, position, labels, inbox, quarantined, learned };
}

/**
 * Looks for a sample in the history, and changes nothing.
 * @throws SampleUnknownError when it is not there
 */
export async function lookFor(
  site: Pick<ErasureSite, "history" | "uses" | "log">,
  id: string,
): Promise<ErasureReport> {
  const position = site.history.positionOf(id);
  if (position === null) throw new SampleUnknownError(id);
  const learned = await learnedFrom(site, id);
  const unknown = { labels: null, inbox: null, quarantined: null };
  return { id, erased: false, position, ...unknown, learned };
}

async function learnedFrom(
  { history, uses, log }: Pick<ErasureSite, "history" | "uses" | "log">,
  id: string,
): Promise<LearnedVersions | null> {
  const position = history.positionOf(id);
  return position === null ? null : learnedVersions(position, { uses, log });
}
