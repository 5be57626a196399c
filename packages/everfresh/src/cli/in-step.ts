import { setTimeout as sleep } from "node:timers/promises";
import type { FinishedTraining } from "../run/run-options.ts";

const CHECK_EVERY_MS = 20;

/** How long replicas may take for the last updates of a run before it ends without them. */
export const IN_STEP_MS_MAX = 10_000;

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
