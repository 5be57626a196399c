import type { SampleUses } from "@everfresh/streams";
import type { LogReading } from "@everfresh/sync/node";

/** Versions, both ends included. */
export interface VersionRange {
  readonly from: number;
  readonly to: number;
}

/** A version whose iteration trained on a sample. */
export interface LearnedUse {
  /** The version that came of it, or the next one where nothing had changed enough to be sent. */
  readonly version: number;
  /** Number of the iteration. */
  readonly step: number;
  /** How often it trained on the sample: once, or in each epoch of a retraining. */
  readonly times: number;
}

/** Which versions have learned from a sample. */
export interface LearnedVersions {
  /**
   * All whose weights go back to a use: those of a use, and all that follow it up to a rollback to an
   * earlier version, a retraining from the initial weights without the sample, or another model.
   */
  readonly versions: readonly VersionRange[];
  /** Every iteration that trained on it. */
  readonly uses: readonly LearnedUse[];
  /** The first iteration of which it is known what it trained on; null where none is. */
  readonly sinceStep: number | null;
}

/** What happened at a version: whether it has learned from the sample by that. */
interface Turn {
  readonly version: number;
  readonly hasLearned: (isLearned: (version: number) => boolean) => boolean;
}

/** Finds out which versions of a log have learned from the sample at a position of the history. */
export async function learnedVersions(
  position: number,
  { uses, log }: { readonly uses: SampleUses; readonly log: LogReading },
): Promise<LearnedVersions> {
  const [newest] = await log.entries({ limit: 1 });
  const head = newest?.version ?? 0;
  const found = (await uses.of(position)).map((use) => ({ ...use, version: use.version + 1 }));
  const turns: readonly Turn[] = [
    ...(await otherModels(log)).map((version) => ({ version, hasLearned: () => false })),
    ...(await log.rollbacks()).map(({ version, toVersion }) => ({
      version,
      hasLearned: (isLearned: (version: number) => boolean) => isLearned(toVersion),
    })),
    ...found.map(({ version, times }) => ({ version, hasLearned: () => times > 0 })),
  ].toSorted((a, b) => a.version - b.version);
  const versions: VersionRange[] = [];
  let from: number | null = null;
  for (const { version, hasLearned } of turns) {
    const before = from;
    const isLearned = (at: number): boolean =>
      (before !== null && at >= before) || versions.some((one) => one.from <= at && at <= one.to);
    if (version > head) break;
    if (hasLearned(isLearned)) from ??= version;
    else if (from !== null) {
      if (from < version) versions.push({ from, to: version - 1 });
      from = null;
    }
  }
  if (from !== null) versions.push({ from, to: head });
  return {
    versions,
    uses: found
      .filter(({ times, version }) => times > 0 && version <= head)
      .map(({ version, step, times }) => ({ version, step, times })),
    sinceStep: uses.first(),
  };
}

/** First versions of models with other tensors than the one before: they start from weights of theirs. */
async function otherModels(log: LogReading): Promise<readonly number[]> {
  const firsts: number[] = [];
  let current = await log.generation();
  while (current !== null && current.number > 1) {
    const before = await log.generation(current.firstVersion - 1);
    if (before === null || before.number >= current.number) break;
    const [now, then] = [current, before].map(({ manifest }) =>
      JSON.stringify(manifest.layout.tensors),
    );
    if (now !== then) firsts.push(current.firstVersion);
    current = before;
  }
  return firsts;
}
