import { setTimeout as sleep } from "node:timers/promises";
import type { ModelStatus } from "@everfresh/sync";
import type { FinishedTraining } from "../run/run-options.ts";

const CHECK_EVERY_MS = 20;

// A process starts, loads its runtime and joins in one to three seconds; a busy machine takes longer.
const JOIN_MS_MAX = 60_000;

/** How long replicas may take for the last updates of a run before it ends without them. */
export const IN_STEP_MS_MAX = 10_000;

/** Waits until a replica says that it serves a version, or `signal` aborts; false when none did in time. */
export async function replicaServes(
  status: () => ModelStatus,
  signal: AbortSignal,
): Promise<boolean> {
  const deadlineMs = performance.now() + JOIN_MS_MAX;
  while (!status().replicas.some(({ version }) => version >= 0)) {
    if (signal.aborted || performance.now() > deadlineMs) return false;
    await sleep(CHECK_EVERY_MS);
  }
  return true;
}

/** Waits until all connected replicas, at least `replicasMin`, have the final state; false when they did not in time. */
export async function replicasInStep(run: FinishedTraining, replicasMin = 0): Promise<boolean> {
  const deadlineMs = performance.now() + IN_STEP_MS_MAX;
  for (;;) {
    const { replicas, fingerprint } = run.status();
    const allInStep = replicas.every((replica) => replica.fingerprint === fingerprint);
    if (allInStep && replicas.length >= replicasMin) return true;
    if (performance.now() > deadlineMs) return false;
    await sleep(CHECK_EVERY_MS);
  }
}
