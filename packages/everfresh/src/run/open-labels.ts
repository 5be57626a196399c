import type { Clock } from "@everfresh/core";
import type { LateLabels } from "@everfresh/learn";
import { openLabelJoin, type Source } from "@everfresh/streams";
import type { LateLabelsConfig } from "../config/late-labels.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import type { Resources } from "./resources.ts";

/** Predictions that may wait where nothing is said, and how often more than are out at once. */
const PENDING_MAX_DEFAULT = 100_000;
const PENDING_TIMES_LAG = 2;

/** What the labels of a run are like. */
export interface LabelsOfRun {
  /** Of the configuration; undefined where it says nothing. */
  readonly labels: LateLabelsConfig | undefined;
  readonly source: Pick<Source, "following">;
}

/** Opens what keeps predictions until their labels come; null where labels come along. */
export async function openLabels(
  { labels, source }: LabelsOfRun,
  { databaseFile: file }: StateDirectory,
  { clock, resources }: { readonly clock: Clock; readonly resources: Resources },
): Promise<LateLabels | null> {
  const { following } = source;
  if (following !== undefined) {
    // Time is that of what comes; and of labels only those of samples that came before.
    const events = { clock: { nowMs: () => 0 }, earlyMax: 0 };
    const join = await openLabelJoin({ file, ...following.limits, ...events });
    resources.add(() => join[Symbol.asyncDispose]());
    return { join, lagSamples: null };
  }
  if (labels === undefined) return null;
  const { lagSamples, expireAfterMs } = labels;
  const { pendingMax = Math.max(PENDING_MAX_DEFAULT, PENDING_TIMES_LAG * lagSamples) } = labels;
  const join = await openLabelJoin({
    ...{ file, clock, pendingMax },
    ...(expireAfterMs === undefined ? {} : { expireAfterMs }),
  });
  resources.add(() => join[Symbol.asyncDispose]());
  return { join, lagSamples };
}
