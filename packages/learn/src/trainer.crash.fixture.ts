/** Kills a trainer at a call that it makes to the outside. */
import type { TrainerCheckpoint } from "./checkpoint-store.ts";
import type { StepReport } from "./step-report.ts";
import { run, type Stores } from "./trainer.fixture.ts";
import type { TrainerOptions } from "./trainer-options.ts";

class Crash extends Error {}

/** The same stores, but call number `at` never returns: it crashes before or after it took effect. */
export function crashingAt(
  { history, publisher, checkpoints, retrainings, journal, join, inbox }: Stores,
  at: number,
  effect: "before" | "after",
): { readonly stores: Stores; readonly calls: () => number } {
  let calls = 0;
  const guard = async <T>(call: () => Promise<T>): Promise<T> => {
    const crashes = calls++ === at;
    if (crashes && effect === "before") throw new Crash();
    const result = await call();
    if (crashes) throw new Crash();
    return result;
  };
  const guarded = <Store extends object>(store: Store, names: readonly (keyof Store)[]): Store =>
    new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        const call = (...args: unknown[]): unknown => value.apply(target, args) as unknown;
        if (!names.includes(name as keyof Store)) return call;
        return (...args: unknown[]) => guard(() => call(...args) as Promise<unknown>);
      },
    });
  return {
    calls: () => calls,
    stores: {
      history: guarded(history, ["append", "read", "range"]),
      publisher: guarded(publisher, ["publish"]),
      checkpoints: guarded(checkpoints, ["save"]),
      retrainings: guarded(retrainings, ["save", "latest", "forgetTo"]),
      journal: guarded(journal, ["append", "after", "forgetTo"]),
      join: guarded(join, ["take", "joined", "release", "turnsIn", "releaseTurns"]),
      inbox: guarded(inbox, ["release"]),
    },
  };
}

/** Whether a process came to its end. */
export async function survives(options: TrainerOptions): Promise<boolean> {
  try {
    await run(options);
    return true;
  } catch (error) {
    if (error instanceof Crash) return false;
    throw error;
  }
}

/** What is told of a step, but for what depends on when the process was started. */
export const timeless = (report: StepReport): StepReport => ({
  ...report,
  replayed: false,
  lagMs: null,
});

/** The last checkpoint, but for how often samples had to wait. */
export async function latest({ checkpoints }: Stores): Promise<TrainerCheckpoint> {
  const checkpoint = await checkpoints.latest();
  if (checkpoint === null) throw new Error("there is no checkpoint");
  const { strategy } = checkpoint;
  const untimed = { ...strategy, checkpoint: { ...strategy.checkpoint, intake: null } };
  return { ...checkpoint, strategy: untimed };
}
