import type { Clock } from "@everfresh/core";
import type { LateLabels } from "@everfresh/learn";
import { openLabelJoin } from "@everfresh/streams";
import type { LateLabelsConfig } from "../config/late-labels.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import type { Resources } from "./resources.ts";

/** Predictions that may wait where nothing is said, and how often more than are out at once. */
const PENDING_MAX_DEFAULT = 100_000;
const PENDING_TIMES_LAG = 2;

/** Opens what keeps predictions until their labels come; null where labels come along. */
export async function openLabels(
  config: LateLabelsConfig | undefined,
  { databaseFile }: StateDirectory,
  { clock, resources }: { readonly clock: Clock; readonly resources: Resources },
): Promise<LateLabels | null> {
  if (config === undefined) return null;
  const { lagSamples, expireAfterMs } = config;
  const { pendingMax = Math.max(PENDING_MAX_DEFAULT, PENDING_TIMES_LAG * lagSamples) } = config;
  const join = await openLabelJoin({
    ...{ file: databaseFile, clock, pendingMax },
    ...(expireAfterMs === undefined ? {} : { expireAfterMs }),
  });
  resources.add(() => join[Symbol.asyncDispose]());
  return { join, lagSamples };
}
