/** The loop with strategies other than its default, and with samples that come faster than steps. */
import { deployCopy, ManualClock } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { linearModel } from "./linear-session.fixture.ts";
import { points } from "./points.fixture.ts";
import type { OverloadPolicy } from "./triggers/overload.ts";
import { frozen, fullRetraining, proactive } from "./strategies/strategy-spec.ts";
import { emptyStores, oneTurn, optionsOn, run } from "./trainer.fixture.ts";
import { trainContinuously } from "./trainer.ts";
import type { TrainerOptions, TrainerStanding } from "./trainer-options.ts";

/** The same session, whose steps take so many turns of the event loop. */
function slow(options: TrainerOptions, turns: number): TrainerOptions {
  const { session } = options;
  const step: TrainerOptions["session"]["step"] = async (batch) => {
    for (let turn = 0; turn < turns; turn++) await oneTurn();
    return session.step(batch);
  };
  const slowed: TrainerOptions["session"] = {
    state: session.state,
    predict: (state, inputs, size) => session.predict(state, inputs, size),
    moments: (state, inputs, size) => session.moments(state, inputs, size),
    checkpoint: () => session.checkpoint(),
    restore: (checkpoint) => session.restore?.(checkpoint) ?? Promise.resolve(),
    step,
  };
  return { ...options, session: slowed };
}

const RETRAINING = {
  trigger: { kind: "byCount", samples: 50 },
  start: "cold",
  epochs: 3,
  batchSize: 16,
  overload: "block",
} as const;

describe("samples that come faster than steps", () => {
  const overloaded = async (overload: OverloadPolicy) => {
    const stores = emptyStores();
    const strategy = proactive({ triggerSize: 8, batchSize: 32, overload });
    let standing: (() => TrainerStanding) | undefined;
    const options = await optionsOn(stores, { strategy, maxSteps: 12, size: 100_000 });
    const onOpen: TrainerOptions["onOpen"] = (open) => {
      standing = open;
    };
    const reports = await run({ ...slow(options, 20), onOpen });
    let samples = 0;
    for (const { fresh, skipped, samples: after } of reports) {
      samples += fresh + skipped;
      expect(after).toBe(samples);
    }
    // Every sample was tested, those that no step took too.
    expect(standing?.().tested).toBeGreaterThanOrEqual(samples);
    return { reports, counters: standing?.().intake };
  };

  it("make steps grow up to the batch size, if that is the policy", async () => {
    const { reports, counters } = await overloaded("grow");
    expect(reports.slice(2).every(({ fresh, batchSize }) => fresh === 32 && batchSize === 32)).toBe(
      true,
    );
    expect(counters).toMatchObject({ skipped: 0, taken: reports.at(-1)?.samples });
    expect(counters?.grownSteps).toBeGreaterThanOrEqual(10);
  });

  it("go straight to history but for the newest, if that is the policy", async () => {
    const { reports, counters } = await overloaded("skip");
    expect(reports.every(({ fresh }) => fresh === 8)).toBe(true);
    expect(counters?.skipped).toBeGreaterThan(8 * 12);
  });

  it("are taken after a crash as they were before, however they would come now", async () => {
    const stores = emptyStores();
    const strategy = proactive({ triggerSize: 8, batchSize: 32, overload: "grow" });
    const overrides = { strategy, checkpointEvery: 100, size: 100_000 };
    const first = slow(await optionsOn(stores, overrides), 20);
    const publish: TrainerOptions["publisher"]["publish"] = (update) =>
      update.toVersion === 9
        ? Promise.reject(new Error("crash"))
        : stores.publisher.publish(update);
    const before: number[] = [];
    const crashing = (async () => {
      for await (const { fresh } of trainContinuously({ ...first, publisher: { publish } })) {
        before.push(fresh);
      }
    })();
    await expect(crashing).rejects.toThrow("crash");
    expect(before).toContain(32);
    expect(before).not.toEqual(Array(8).fill(32));
    const again = await run(await optionsOn(stores, { ...overrides, maxSteps: 12 }));
    expect(again.slice(0, 8).map(({ fresh }) => fresh)).toEqual(before);
    expect(again.map(({ replayed }) => replayed)).toEqual([
      ...Array<boolean>(8).fill(true),
      ...Array<boolean>(4).fill(false),
    ]);
    expect(again.some(({ replayDiffered }) => replayDiffered)).toBe(false);
  });

  it("wait in their source otherwise", async () => {
    const { reports, counters } = await overloaded("block");
    expect(reports.map(({ fresh, skipped }) => [fresh, skipped])).toEqual(Array(12).fill([8, 0]));
    expect(counters).toMatchObject({ skipped: 0, grownSteps: 0, blockedTimes: 12 });
  });
});

describe("full retraining", () => {
  it("deploys everything that has changed, as one version, and says how far it is", async () => {
    const stores = emptyStores();
    const strategy = fullRetraining(RETRAINING);
    const progress: number[] = [];
    const options = await optionsOn(stores, { strategy, maxSteps: 2, sleep: oneTurn });
    const onProgress = ({ step }: { step: number }) => void progress.push(step);
    const reports = await run({ ...options, onProgress });
    // Epochs of 50 and then 100 samples, in batches of 16.
    expect(reports.map(({ optimizerSteps }) => optimizerSteps)).toEqual([3 * 4, 3 * 7]);
    expect(progress).toEqual([12, 21].flatMap((n) => Array.from({ length: n }, (_, i) => i + 1)));
    expect(reports.map(({ version }) => version)).toEqual([1, 2]);
    const replica = deployCopy(linearModel(12, 4).state, 0);
    for (const update of stores.publisher.log) replica.apply(update);
    expect(replica.state.parameters).toEqual(options.session.state.parameters);
    expect(reports.at(-1)).toMatchObject({ kind: "retraining", samples: 100, batchSize: 100 });
  });

  it("lets samples arrive and be tested while it trains", async () => {
    const stores = emptyStores();
    const tested: number[] = [];
    let standing: (() => TrainerStanding) | undefined;
    const options = await optionsOn(stores, {
      strategy: fullRetraining(RETRAINING),
      maxSteps: 1,
      sleep: oneTurn,
      paceSamplesPerSecond: 10,
    });
    const watching: Partial<TrainerOptions> = {
      onOpen: (open) => {
        standing = open;
      },
      onProgress: () => void tested.push(standing?.().tested ?? 0),
    };
    const [report] = await run({ ...slow(options, 10), ...watching });
    expect(tested[0]).toBeGreaterThanOrEqual(50);
    expect(tested.at(-1)).toBeGreaterThan(tested[0] ?? 0);
    // By what is deployed: the trained state is no one's model before it is done.
    expect(report?.trained).toEqual(report?.deployed);
  });

  it("that is cut off leaves nothing behind, and is made anew", async () => {
    const strategy = fullRetraining({ ...RETRAINING, start: "warm" });
    const whole = emptyStores();
    await run(await optionsOn(whole, { strategy, maxSteps: 3, sleep: oneTurn }));
    const stores = emptyStores();
    const abort = new AbortController();
    const options = await optionsOn(stores, { strategy, signal: abort.signal, sleep: oneTurn });
    let steps = 0;
    const onProgress = (): void => {
      if (++steps === 20) abort.abort();
    };
    expect(await run({ ...options, onProgress })).toHaveLength(1);
    const checkpoint = await stores.checkpoints.latest();
    expect(checkpoint).toMatchObject({ step: 1, version: 1 });
    expect(options.session.checkpoint()).toEqual(checkpoint?.training);
    await run(await optionsOn(stores, { strategy, maxSteps: 3, sleep: oneTurn }));
    expect(stores.publisher.log).toEqual(whole.publisher.log);
  });
});

describe("the static schedule", () => {
  it("goes by chunks of the size that it is given, in steps and in retrainings", async () => {
    const trigger = { kind: "staticSchedule", everyChunks: 3, chunkSamples: 10 } as const;
    const step = proactive({ triggerSize: 32, batchSize: 32, trigger });
    for (const strategy of [step, fullRetraining({ ...RETRAINING, trigger })]) {
      const options = { strategy, maxSteps: 3, sleep: oneTurn };
      const reports = await run(await optionsOn(emptyStores(), options));
      expect(reports.map(({ fresh, why }) => [fresh, why])).toEqual(
        Array(3).fill([30, "3 of 3 chunks are there"]),
      );
    }
  });
});

describe("other strategies", () => {
  it("frozen only tests, to the end of the stream", async () => {
    const stores = emptyStores();
    const options = await optionsOn(stores, { strategy: frozen(), size: 700 });
    expect(await run(options)).toEqual([]);
    const { trained, frozen: first } = options.evaluation.scores();
    expect(trained).toEqual(first);
    expect(trained.samples).toBe(700);
    expect(await stores.checkpoints.latest()).toMatchObject({ step: 0, tested: 700 });
  });

  it("are saved now and then though nothing is trained, but not always", async () => {
    const stores = emptyStores();
    const saved: number[] = [];
    const options = await optionsOn(stores, { strategy: frozen(), size: 25_000 });
    const save: typeof stores.checkpoints.save = (checkpoint) => {
      saved.push(checkpoint.tested);
      return stores.checkpoints.save(checkpoint);
    };
    const latest: typeof stores.checkpoints.latest = () => stores.checkpoints.latest();
    await run({ ...options, checkpoints: { save, latest } });
    expect(saved).toHaveLength(4);
    expect([saved[0], saved[3]]).toEqual([0, 25_000]);
  });

  it("t = 0 steps on the history at the pace of its budget", async () => {
    const clock = new ManualClock(1_000);
    const sleep = async (durationMs: number): Promise<void> => {
      await oneTurn();
      clock.advance(durationMs);
    };
    const strategy = proactive({
      triggerSize: 0,
      batchSize: 16,
      budgets: [{ kind: "everyMs", ms: 250 }],
    });
    const options = { strategy, clock, sleep, maxSteps: 8, paceSamplesPerSecond: 40, size: 500 };
    const reports = await run(await optionsOn(emptyStores(), options));
    expect(reports.every(({ fresh }) => fresh === 0)).toBe(true);
    const gaps = reports
      .slice(1)
      .map((report, i) => report.stepDoneAtMs - reports[i]!.stepDoneAtMs);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(250);
  });

  it("may change from one run to the next", async () => {
    const stores = emptyStores();
    await run(await optionsOn(stores, { maxSteps: 6, size: 2_000 }));
    const online = { kind: "online", batchSize: 16 } as const;
    const second = await run(
      await optionsOn(stores, { strategy: online, maxSteps: 9, size: 2_000 }),
    );
    expect(second.map(({ samples, batchSize }) => [samples, batchSize])).toEqual([
      [64, 16],
      [80, 16],
      [96, 16],
    ]);
    const strategy = fullRetraining({ ...RETRAINING, start: "warm" });
    const more = { strategy, maxSteps: 10, size: 2_000, sleep: oneTurn };
    const [retrained] = await run(await optionsOn(stores, more));
    expect(retrained).toMatchObject({ kind: "retraining", samples: 146, fresh: 50 });
  });

  it("stop between two iterations when the iteration is left, whatever waits", async () => {
    const stores = emptyStores();
    const options = await optionsOn(stores, {
      source: points({ size: 90, inputs: 12, classes: 4 }),
    });
    for await (const { step } of trainContinuously(options)) if (step === 4) break;
    expect(await stores.checkpoints.latest()).toMatchObject({ step: 4, samples: 32, tested: 32 });
  });
});
