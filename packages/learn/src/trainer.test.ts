import { deployCopy, ManualClock, type Sample, ShapeError, type Update } from "@everfresh/core";
import { memoryLabelJoin } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import { LearnOptionError, ResumeMismatchError } from "./errors.ts";
import { linearModel, LinearSession } from "./linear-session.fixture.ts";
import { MemoryPublisher } from "./memory-publisher.ts";
import { points } from "./points.fixture.ts";
import { proactive } from "./strategies/strategy-spec.ts";
import { emptyStores, optionsOn, run, samplesOf } from "./trainer.fixture.ts";
import { trainContinuously } from "./trainer.ts";
import type { TrainerOptions } from "./trainer-options.ts";

/** The same session, but for its steps. */
function steppingBy(
  session: TrainerOptions["session"],
  step: TrainerOptions["session"]["step"],
): TrainerOptions["session"] {
  return {
    state: session.state,
    predict: (state, inputs, size) => session.predict(state, inputs, size),
    moments: (state, inputs, size) => session.moments(state, inputs, size),
    checkpoint: () => session.checkpoint(),
    step,
  };
}

describe("trainContinuously", () => {
  it("learns, and the deployed copy follows at a tenth of the entries", async () => {
    const options = await optionsOn(emptyStores(), { maxSteps: 200 });
    const reports = await run(options);
    const last = reports.at(-1)!;
    expect(last.step).toBe(200);
    expect(last.samples).toBe(1_600);
    expect(last.trained.windowAccuracy).toBeGreaterThan(0.75);
    expect(last.deployed.windowAccuracy).toBeGreaterThan(0.7);
    expect(Math.max(...reports.map(({ entries }) => entries))).toBe(6); // 52 parameters
    expect(last.fingerprint).toBe(options.deployed.fingerprint);
    options.deployed.verify();
  });

  it("says with every update the event time of the newest sample that was learned from", async () => {
    const stores = emptyStores();
    await run(await optionsOn(stores, { maxSteps: 5 }));
    // Sample n of the stream happened at n ms, and every step takes 8.
    expect(stores.publisher.log.map(({ eventTimeMs }) => eventTimeMs)).toEqual([7, 15, 23, 31, 39]);
    const late = emptyStores();
    const options = await optionsOn(late, { maxSteps: 3 });
    const { source } = options;
    const odd: TrainerOptions["source"] = {
      name: source.name,
      schema: source.schema,
      size: source.size,
      async *read(read) {
        let position = 0;
        for await (const sample of source.read(read)) {
          // Before 1970 first, then not in whole milliseconds, then old ones that come late.
          const eventTimeMs = position < 8 ? -5 : position < 16 ? 99.75 : 3;
          yield { ...sample, eventTimeMs };
          position++;
        }
      },
    };
    await run({ ...options, source: odd });
    expect(late.publisher.log.map(({ eventTimeMs }) => eventTimeMs)).toEqual([null, 99, 99]);
  });

  it("trains on the new samples first, then on distinct ones that were there before", async () => {
    const stores = emptyStores();
    const options = await optionsOn(stores, { maxSteps: 10 });
    const batches: string[][] = [];
    const { session, history } = options;
    // Tells samples apart by their features.
    const nameOf = (inputs: Float32Array, i: number): string =>
      inputs.subarray(i * 12, i * 12 + 12).join();
    const spying = steppingBy(session, (batch) => {
      batches.push(Array.from({ length: batch.size }, (_, i) => nameOf(batch.inputs, i)));
      return session.step(batch);
    });
    const reports = await run({ ...options, session: spying });
    const stream = (await samplesOf(stores)).map(({ features }) => features.join());
    expect(history.count()).toBe(80);
    expect(batches.map((batch) => batch.length)).toEqual([8, 16, 24, ...Array<number>(7).fill(32)]);
    expect(reports.map(({ batchSize }) => batchSize)).toEqual(batches.map(({ length }) => length));
    batches.forEach((batch, step) => {
      expect(batch.slice(0, 8)).toEqual(stream.slice(8 * step, 8 * step + 8));
      const past = new Set(stream.slice(0, 8 * step));
      expect(batch.slice(8).every((name) => past.has(name))).toBe(true);
      expect(new Set(batch).size).toBe(batch.length);
    });
  });

  it("tests every sample before it is trained on, exactly once", async () => {
    const options = await optionsOn(emptyStores(), { maxSteps: 5 });
    const reports = await run(options);
    // The first chunk meets a model of zeros, which answers with class 0.
    const first = options.source.read();
    let zeros = 0;
    let n = 0;
    for await (const { label } of first) {
      if (n++ === 8) break;
      if (label === 0) zeros++;
    }
    expect(reports[0]).toMatchObject({
      trained: { correct: zeros, total: 8 },
      deployed: { correct: zeros, total: 8 },
    });
    expect(reports.map(({ trained }) => trained.total)).toEqual([8, 16, 24, 32, 40]);
  });

  it("tells the source what is safe in the history, so that it may forget that", async () => {
    const stores = emptyStores();
    const source = points({ size: 60, inputs: 12, classes: 4 });
    const told: (readonly [number, number])[] = [];
    const release = (to: number): Promise<void> => {
      told.push([to, stores.history.count()]);
      return Promise.resolve();
    };
    await run(await optionsOn(stores, { source: { ...source, release } }));
    expect(told.at(-1)).toEqual([60, 60]);
    expect(told.every(([to, count]) => to <= count)).toBe(true);
  });

  it("trains on a shorter last chunk and ends with a checkpoint", async () => {
    const stores = emptyStores();
    const reports = await run(await optionsOn(stores, { size: 21 }));
    expect(reports.map(({ samples }) => samples)).toEqual([8, 16, 21]);
    expect(await stores.checkpoints.latest()).toMatchObject({ step: 3, samples: 21, version: 3 });
    expect(await run(await optionsOn(stores, { size: 21 }))).toEqual([]);
  });

  it("is online training when the trigger is as large as the batch", async () => {
    const reports = await run(await optionsOn(emptyStores(), { triggerSize: 32, maxSteps: 3 }));
    expect(reports.map(({ batchSize }) => batchSize)).toEqual([32, 32, 32]);
  });

  it("takes what the history holds before a new run as the past", async () => {
    const stores = emptyStores();
    for await (const sample of points({ size: 40, inputs: 12, classes: 4 }).read()) {
      await stores.history.append([sample]);
    }
    const [report] = await run(await optionsOn(stores, { maxSteps: 1 }));
    expect(report).toMatchObject({ samples: 48, batchSize: 32, trained: { total: 8 } });
  });

  it("publishes nothing and keeps the version when nothing differs", async () => {
    const stores = emptyStores();
    const options = await optionsOn(stores, { maxSteps: 3 });
    const still = steppingBy(options.session, () => Promise.resolve({ loss: 0, stepMs: 0 }));
    const reports = await run({ ...options, session: still });
    expect(stores.publisher.log).toEqual([]);
    expect(reports.map(({ version, updateBytes }) => [version, updateBytes])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  it("stops between two steps when aborted, with a checkpoint to go on from", async () => {
    const whole = emptyStores();
    await run(await optionsOn(whole, { maxSteps: 30 }));
    const stores = emptyStores();
    const abort = new AbortController();
    const options = await optionsOn(stores, { signal: abort.signal });
    let last = 0;
    for await (const { step } of trainContinuously(options)) {
      last = step;
      if (step === 13) abort.abort();
    }
    expect(last).toBe(13);
    expect(stores.history.count()).toBe(13 * 8);
    expect(await stores.checkpoints.latest()).toMatchObject({ step: 13, samples: 104 });
    await run(await optionsOn(stores, { maxSteps: 30 }));
    expect(stores.publisher.log).toEqual(whole.publisher.log);
  });

  it("saves a checkpoint when the iteration is left", async () => {
    const stores = emptyStores();
    for await (const { step } of trainContinuously(await optionsOn(stores))) if (step === 3) break;
    expect(await stores.checkpoints.latest()).toMatchObject({ step: 3 });
  });

  it("saves a checkpoint when the source fails between two steps", async () => {
    const stores = emptyStores();
    const { source, ...options } = await optionsOn(stores);
    const read = async function* (): AsyncGenerator<Sample> {
      for await (const sample of source.read()) {
        if (sample.id === "points-30") throw new Error("unreadable");
        yield sample;
      }
    };
    const failing = run({ ...options, source: { ...source, read } });
    await expect(failing).rejects.toThrow("unreadable");
    expect(await stores.checkpoints.latest()).toMatchObject({ step: 3, samples: 24 });
  });

  it("keeps the last good checkpoint when a step fails", async () => {
    const stores = emptyStores();
    const options = await optionsOn(stores, { checkpointEvery: 4 });
    let steps = 0;
    const failing = steppingBy(options.session, (batch) =>
      ++steps === 11 ? Promise.reject(new Error("loss is NaN")) : options.session.step(batch),
    );
    await expect(run({ ...options, session: failing })).rejects.toThrow("loss is NaN");
    expect(await stores.checkpoints.latest()).toMatchObject({ step: 8 });
  });

  it("paces the samples of the source on the given clock", async () => {
    const clock = new ManualClock();
    const slept: number[] = [];
    const sleep = (durationMs: number): Promise<void> => {
      slept.push(durationMs);
      clock.advance(durationMs);
      return Promise.resolve();
    };
    await run(await optionsOn(emptyStores(), { size: 16, clock, sleep, paceSamplesPerSecond: 10 }));
    expect(slept).toEqual(Array(15).fill(100));
  });

  it("refuses options that cannot work, at once and by name", async () => {
    const options = await optionsOn(emptyStores());
    const of = (triggerSize: number, batchSize: number) => proactive({ triggerSize, batchSize });
    const join = memoryLabelJoin({ clock: options.clock });
    const wrong: readonly (readonly [Partial<TrainerOptions>, RegExp])[] = [
      [{ strategy: of(33, 32) }, /triggerSize .* 0 to the batch size 32, got 33/],
      [{ strategy: of(0, 32) }, /trigger must be given, or budgets/],
      [{ strategy: of(8, 0.5) }, /batchSize .* got 0.5/],
      [{ labels: { join, lagSamples: -1 } }, /lagSamples .* got -1/],
      [{ checkpointEvery: 0 }, /checkpointEvery .* got 0/],
      [{ maxSteps: -1 }, /maxSteps .* got -1/],
      [{ paceSamplesPerSecond: 0 }, /paceSamplesPerSecond .* got 0/],
    ];
    for (const [override, message] of wrong) {
      expect(() => trainContinuously({ ...options, ...override })).toThrow(LearnOptionError);
      expect(() => trainContinuously({ ...options, ...override })).toThrow(message);
    }
  });

  it("refuses a source, a preprocessing and a model that do not fit together", async () => {
    const options = await optionsOn(emptyStores());
    const source = points({ size: 10, inputs: 13, classes: 4 });
    expect(() => trainContinuously({ ...options, source })).toThrow(ShapeError);
    expect(() => trainContinuously({ ...options, model: linearModel(11, 4) })).toThrow(/\[11\]/);
    expect(() => trainContinuously({ ...options, model: linearModel(12, 5) })).toThrow(
      /4 classes, the model tells 5 apart/,
    );
  });
});

describe("a resumed run", () => {
  it("refuses anything that is not at the checkpoint", async () => {
    const stores = emptyStores();
    await run(await optionsOn(stores, { maxSteps: 5 }));
    const options = await optionsOn(stores, { maxSteps: 10 });
    const model = linearModel(12, 4);
    const wrong: readonly Partial<TrainerOptions>[] = [
      { deployed: deployCopy(model.state, 4) },
      { deployed: deployCopy(model.state, 5) },
      { history: emptyStores().history },
    ];
    for (const override of wrong) {
      expect(() => trainContinuously({ ...options, ...override })).toThrow(ResumeMismatchError);
    }
  });

  it("takes the logged update where its own differs, and says so", async () => {
    // The log was written with another optimizer state: here, by a session with other weights.
    const stores = emptyStores();
    const first = await optionsOn(stores, { maxSteps: 6, checkpointEvery: 100 });
    const crash = new Error("crash");
    const saveOnce = {
      save: async (checkpoint: Parameters<typeof stores.checkpoints.save>[0]): Promise<void> => {
        if (checkpoint.step > 0) throw crash;
        await stores.checkpoints.save(checkpoint);
      },
      latest: () => stores.checkpoints.latest(),
    };
    await expect(run({ ...first, checkpoints: saveOnce })).rejects.toThrow(crash);
    const logged: readonly Update[] = [...stores.publisher.log];
    expect(logged).toHaveLength(6);

    const model = linearModel(12, 4);
    model.state.parameters.fill(0.25);
    const options = await optionsOn(stores, { maxSteps: 9 });
    const reports = await run({ ...options, session: new LinearSession(model) });
    expect(
      reports.slice(0, 6).every(({ replayed, replayDiffered }) => replayed && replayDiffered),
    ).toBe(true);
    expect(
      reports.slice(6).some(({ replayed, replayDiffered }) => replayed || replayDiffered),
    ).toBe(false);
    expect(stores.publisher.log.slice(0, 6)).toEqual(logged);
    // A replica that follows the log is where the trainer is.
    const replica = deployCopy(linearModel(12, 4).state, 0);
    for (const update of stores.publisher.log) replica.apply(update);
    expect(replica.fingerprint).toBe(options.deployed.fingerprint);
  });

  it("stops at a log that belongs to another state", async () => {
    const theirs = emptyStores();
    await run(await optionsOn(theirs, { maxSteps: 3 }));
    const model = linearModel(12, 4);
    model.state.parameters.fill(1);
    const options = await optionsOn(emptyStores(), { deployed: deployCopy(model.state, 0) });
    const publisher = new MemoryPublisher(theirs.publisher.log);
    await expect(run({ ...options, publisher })).rejects.toThrow(
      expect.objectContaining({ code: "EF_FINGERPRINT_MISMATCH" }),
    );
  });
});
