/** The loop with retrainings that are cut off in the middle. */
import { describe, expect, it } from "vitest";
import type { RetrainingCheckpoint } from "./retraining-store.ts";
import type { StepReport } from "./step-report.ts";
import { fullRetraining } from "./strategies/strategy-spec.ts";
import { emptyStores, oneTurn, optionsOn, run, type Stores } from "./trainer.fixture.ts";
import { trainContinuously } from "./trainer.ts";

/** Retrainings of 12, 21 and 30 steps: three epochs of 50, 100 and 150 samples. */
const STEPS = [12, 21, 30];
const ALL_STEPS = 63;
const SAVED_EVERY = 5;

const strategyOf = (start: "cold" | "warm") =>
  fullRetraining({
    trigger: { kind: "byCount", samples: 50 },
    ...{ start, epochs: 3, batchSize: 16, overload: "block" },
  });

/** What a process does that dies before it would take so many steps and one more. */
async function live(stores: Stores, start: "cold" | "warm", most = Infinity) {
  const reports: StepReport[] = [];
  const how = { checkpointEvery: SAVED_EVERY, maxSteps: STEPS.length, sleep: oneTurn };
  const options = await optionsOn(stores, { strategy: strategyOf(start), ...how });
  const { session } = options;
  const step = session.step.bind(session);
  let steps = 0;
  session.step = (batch) => {
    if (steps === most) return Promise.reject(new Error("crash"));
    steps++;
    return step(batch);
  };
  try {
    for await (const report of trainContinuously(options)) reports.push(report);
  } catch (error) {
    if (!(error instanceof Error) || error.message !== "crash") throw error;
  }
  return { reports, steps, training: session.checkpoint() };
}

const toldBy = ({ reports }: { readonly reports: readonly StepReport[] }) =>
  reports.map(({ step, loss, optimizerSteps, fingerprint }) => ({
    ...{ step, loss, optimizerSteps, fingerprint },
  }));

describe.each(["cold", "warm"] as const)("a %s retraining that is cut off", (start) => {
  it("goes on where it was saved last, to the same bits, wherever that was", async () => {
    const stores = emptyStores();
    const whole = await live(stores, start);
    expect(whole.steps).toBe(ALL_STEPS);
    for (let died = 1; died < ALL_STEPS; died++) {
      const killed = emptyStores();
      const first = await live(killed, start, died);
      const second = await live(killed, start);
      expect(killed.publisher.log, `after ${died} steps`).toEqual(stores.publisher.log);
      expect(second.training).toEqual(whole.training);
      expect([...toldBy(first), ...toldBy(second)]).toEqual(toldBy(whole));
      expect(died + second.steps - ALL_STEPS).toBeLessThan(SAVED_EVERY);
    }
  });

  it("goes on however often that happens", async () => {
    const whole = emptyStores();
    await live(whole, start);
    const stores = emptyStores();
    for (let life = 0; life < 9; life++) await live(stores, start, 7);
    await live(stores, start);
    expect(stores.publisher.log).toEqual(whole.publisher.log);
  });
});

describe("a retraining that is kept", () => {
  /** Stores of a process that has died in the second retraining, after 18 of its steps. */
  const cutOff = async (): Promise<Stores> => {
    const stores = emptyStores();
    await live(stores, "cold", 12 + 18);
    expect((await stores.retrainings.latest())?.done.steps).toBe(15);
    return stores;
  };

  it("is forgotten once there is a checkpoint of it", async () => {
    const stores = await cutOff();
    await live(stores, "cold");
    expect(await stores.retrainings.latest()).toBeNull();
  });

  it.each<[string, (kept: RetrainingCheckpoint) => RetrainingCheckpoint]>([
    ["of another version: there was a rollback", (kept) => ({ ...kept, version: 7 })],
    ["of another step", (kept) => ({ ...kept, step: 3 })],
    [
      "on other samples",
      (kept) => ({ ...kept, iteration: { ...kept.iteration, samples: [{ from: 0, to: 9 }] } }),
    ],
  ])("is not gone on with where it is %s", async (_what, changed) => {
    const stores = await cutOff();
    const kept = await stores.retrainings.latest();
    if (kept !== null) await stores.retrainings.save(changed(kept));
    expect((await live(stores, "cold")).steps).toBe(21 + 30);
  });

  it("is gone on with after the signal has ended the process, too", async () => {
    const stores = emptyStores();
    const abort = new AbortController();
    const strategy = strategyOf("cold");
    const how = { strategy, checkpointEvery: SAVED_EVERY, sleep: oneTurn, signal: abort.signal };
    let steps = 0;
    const onProgress = (): void => {
      if (++steps === 12 + 18) abort.abort();
    };
    await run({ ...(await optionsOn(stores, how)), onProgress });
    expect((await live(stores, "cold")).steps).toBe(21 - 15 + 30);
  });
});
