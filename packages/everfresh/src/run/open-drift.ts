import type { DriftActionRecord } from "@everfresh/core";
import type { UpdateLog } from "@everfresh/sync/node";
import type { ResolvedModel } from "../config/resolve-model.ts";
import type { RollbackReport, RollbackRequest } from "../log/roll-back.ts";
import type { GenerationStores } from "./enter-generation.ts";
import { RunDrift } from "./run-drift.ts";
import type { RunModelOptions } from "./run-options.ts";

/** Versions that are looked at in one go for the last one before a change. */
const VERSIONS_AT_ONCE = 1_000;

/** What drift monitoring of a run is opened with. */
export interface DriftParts {
  readonly options: Pick<RunModelOptions, "clock" | "onEvent">;
  readonly resolved: ResolvedModel;
  readonly stores: GenerationStores;
  readonly seed: number;
}

/** Opens drift monitoring; null where it is not configured. `rollBack` makes what a verdict asks for. */
export function openDrift(
  { options, resolved, stores, seed }: DriftParts,
  rollBack: (request: RollbackRequest) => Promise<RollbackReport>,
): RunDrift | null {
  if (resolved.drift === null) return null;
  const { clock, onEvent } = options;
  const { log, checkpoint } = stores;
  const rollBackTo = (samples: number, asked: DriftActionRecord["versions"]): void => {
    const made = async (): Promise<void> => {
      const version = await versionBefore(log, samples, asked?.from ?? 0);
      if (version !== null) await rollBack({ version, excludeSince: false });
    };
    // Nobody waits for it: training goes on until it can be made, between two steps.
    made().catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      onEvent({ kind: "warning", message: `No rollback because of drift: ${reason}` });
    });
  };
  return new RunDrift({ resolved, stores, seed, clock, onEvent, rollBackTo }, checkpoint);
}

/**
 * The last version that had learned from no more than so many samples; null where that is asked for a
 * second time, by a process that does again what one before it had done.
 */
export async function versionBefore(
  log: Pick<UpdateLog, "entries" | "rollbacks">,
  samples: number,
  askedAt: number,
): Promise<number | null> {
  const isDone = (await log.rollbacks()).some(({ version }) => version > askedAt);
  if (isDone) return null;
  for (let before: number | undefined; ;) {
    const entries = await log.entries({
      limit: VERSIONS_AT_ONCE,
      ...(before === undefined ? {} : { before }),
    });
    const found = entries.find(({ lineage }) => lineage !== null && lineage.samples <= samples);
    if (found !== undefined) return found.version;
    const last = entries.at(-1);
    if (last === undefined || entries.length < VERSIONS_AT_ONCE) return null;
    before = last.version;
  }
}
