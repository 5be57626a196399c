/** Kills the trainer at every call it makes to the outside, and resumes it with what is durable. */
import { describe, expect, it } from "vitest";
import { COMPRESSION } from "./sparsifiers/gradient-specs.fixture.ts";
import type { StepReport } from "./step-report.ts";
import { emptyStores, optionsOn, run, samplesOf, type Stores } from "./trainer.fixture.ts";
import type { TrainerOptions } from "./trainer-options.ts";

const OPTIONS = { maxSteps: 40, checkpointEvery: 7 };
const SHORT = { maxSteps: 20, checkpointEvery: 7 };

/** Ways to train; how often they save, and read the history for running statistics. */
const WAYS = [
  { way: "proactive", options: SHORT, saves: 4, reads: 0 },
  {
    way: "with BatchNormalization",
    options: { ...SHORT, normalised: true, buffers: { every: 9, batches: 2 } },
    saves: 4,
    reads: 2 * 2,
  },
  {
    way: "by sparse gradients",
    options: { ...SHORT, gradients: COMPRESSION },
    saves: 4,
    reads: 0,
  },
] as const;

class Crash extends Error {}

/** The same stores, but call number `at` never returns: it crashes before or after it took effect. */
function crashingAt(
  stores: Stores,
  at: number,
  effect: "before" | "after",
): Partial<TrainerOptions> {
  let calls = 0;
  const guard = async <T>(call: () => Promise<T>): Promise<T> => {
    const crashes = calls++ === at;
    if (crashes && effect === "before") throw new Crash();
    const result = await call();
    if (crashes) throw new Crash();
    return result;
  };
  const { history, publisher, checkpoints } = stores;
  return {
    history: {
      append: (samples) => guard(() => history.append(samples)),
      count: () => history.count(),
      read: (positions) => guard(() => history.read(positions)),
      range: (from, to) => guard(() => history.range(from, to)),
      facts: (from, to) => guard(() => history.facts(from, to)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    publisher: { publish: (update) => guard(() => publisher.publish(update)) },
    checkpoints: {
      save: (checkpoint) => guard(() => checkpoints.save(checkpoint)),
      latest: () => checkpoints.latest(),
    },
  };
}

async function survives(options: TrainerOptions): Promise<boolean> {
  try {
    await run(options);
    return true;
  } catch (error) {
    if (error instanceof Crash) return false;
    throw error;
  }
}

describe("killed at any moment and resumed", () => {
  const effects = ["before", "after"] as const;
  it.each(WAYS.flatMap((each) => effects.map((effect) => ({ ...each, effect }))))(
    "ends as if it had not been: $way, crash just $effect every call takes effect",
    async ({ options, saves, reads, effect }) => {
      const whole = emptyStores();
      const reports = await run(await optionsOn(whole, options));
      const checkpoint = await whole.checkpoints.latest();
      let crashes = 0;
      for (let at = 0; ; at++) {
        const stores = emptyStores();
        const first = { ...(await optionsOn(stores, options)), ...crashingAt(stores, at, effect) };
        if (await survives(first)) break;
        crashes++;
        const resumed: readonly StepReport[] = await run(await optionsOn(stores, options));
        expect(stores.publisher.log).toEqual(whole.publisher.log);
        expect(await samplesOf(stores)).toEqual(await samplesOf(whole));
        expect(await stores.checkpoints.latest()).toEqual(checkpoint);
        // The steps that were taken again are reported as the first time.
        const again = resumed.map((report) => ({ ...report, replayed: false }));
        expect(again).toEqual(reports.slice(options.maxSteps - again.length));
        expect(resumed.some(({ replayDiffered }) => replayDiffered)).toBe(false);
      }
      // Every step appends, reads and publishes.
      expect(crashes).toBe(options.maxSteps * 3 + saves + reads);
    },
  );

  it("ends as if it had not been when killed again and again", async () => {
    const whole = emptyStores();
    await run(await optionsOn(whole, OPTIONS));
    for (const spacing of [9, 14, 23]) {
      const stores = emptyStores();
      let crashes = 0;
      for (;;) {
        const effect = crashes % 2 === 0 ? "before" : "after";
        const guards = crashingAt(stores, spacing + crashes, effect);
        if (await survives({ ...(await optionsOn(stores, OPTIONS)), ...guards })) break;
        crashes++;
      }
      expect(crashes).toBeGreaterThan(2);
      expect(stores.publisher.log).toEqual(whole.publisher.log);
      expect(await samplesOf(stores)).toEqual(await samplesOf(whole));
      expect(await stores.checkpoints.latest()).toEqual(await whole.checkpoints.latest());
    }
  });
});
