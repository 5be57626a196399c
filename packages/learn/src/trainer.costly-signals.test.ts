/** Signals that run models of their own: an embedding, past versions and an auto-encoder. */
import { cloneState, deployCopy, type ModelState, numeric } from "@everfresh/core";
import { shiftedFeatures } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import type { MonitoredSignalSpec } from "./drift/monitor/drift-spec.ts";
import { DriftWatch } from "./drift/monitor/drift-watch.ts";
import type { DriftWatchOptions } from "./drift/monitor/drift-watch-options.ts";
import type { EncoderSession, OpenSession } from "./drift/reconstruction/sample-encoder.ts";
import { linearModel, LinearSession } from "./linear-session.fixture.ts";
import { points } from "./points.fixture.ts";
import { proactive } from "./strategies/strategy-spec.ts";
import { crashingAt, latest, survives, timeless } from "./trainer.crash.fixture.ts";
import { emptyStores, optionsOn, run, type Stores } from "./trainer.fixture.ts";

const FEATURES = 12;
const CLASSES = 4;

const rows = { kind: "twoSample", statistic: "ks", referenceSamples: 20 } as const;
const quick = { ...rows, recentSamples: 10, everySamples: 2, resamples: 100 };
const SIGNALS: readonly MonitoredSignalSpec[] = [
  { name: "embedding", input: "embedding", detector: quick, everySamples: 2 },
  { name: "rebuilt", input: "reconstruction", detector: quick, everySamples: 1 },
  { name: "disagreement", input: "disagreement", detector: quick, everySamples: 3 },
  { name: "errors", input: "errors", detector: { kind: "changeScan" } },
];

/** What two rows of the weights make of a sample. */
const embedding: NonNullable<DriftWatchOptions["embedding"]> = {
  length: 2,
  of: ({ parameters }, inputs) =>
    Promise.resolve(
      Float32Array.from({ length: 2 }, (_, row) =>
        inputs.reduce((sum, x, i) => sum + x * (parameters[row * FEATURES + i] ?? NaN), 0),
      ),
    ),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** Learns the mean of all batches, and makes it of every row. */
const openEncoder: OpenSession = (model, { checkpoint }) => {
  const state = cloneState(model.state);
  if (checkpoint !== undefined) new Uint8Array(state.buffer).set(checkpoint.state);
  const mean = state.parameters.subarray(0, FEATURES);
  const session: EncoderSession = {
    state,
    step: ({ inputs, size }) => {
      for (const [i, x] of inputs.entries()) {
        mean[i % FEATURES] = 0.9 * (mean[i % FEATURES] ?? 0) + (0.1 * x) / size;
      }
      return Promise.resolve({ loss: 0, stepMs: 0 });
    },
    predict: (_state, _inputs, size) =>
      Promise.resolve(
        Float32Array.from({ length: size * FEATURES }, (_, i) => mean[i % FEATURES] ?? 0),
      ),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return Promise.resolve(session);
};

/** The states of a log in memory. */
function pastOf({ publisher }: Stores): NonNullable<DriftWatchOptions["past"]> {
  return {
    versions: (newest) =>
      Promise.resolve([newest - 2, newest - 1, newest].filter((version) => version >= 0)),
    stateAt: (version): Promise<ModelState> => {
      const deployed = deployCopy(linearModel(FEATURES, CLASSES).state, 0);
      for (const update of publisher.log.slice(0, version)) deployed.apply(update);
      return Promise.resolve(deployed.state);
    },
  };
}

const CHANGING = shiftedFeatures(points({ size: 10_000, inputs: FEATURES, classes: CLASSES }), {
  ...{ fromSample: 190, features: [0, 1, 2, 3], by: 6 },
});

const OPTIONS = {
  ...{ maxSteps: 36, checkpointEvery: 9, source: CHANGING },
  strategy: proactive({ triggerSize: 8, batchSize: 32 }),
  watched: {
    ...{ falseAlarmEvery: 1_000, signals: SIGNALS, members: 3 },
    reconstruction: { referenceSamples: 100, delaySamples: 10, steps: 5, batchSize: 8 },
  },
  watching: (stores: Stores): Partial<DriftWatchOptions> => ({
    ...{ embedding, openEncoder, past: pastOf(stores), pinFirstAt: 24 },
  }),
};

/** Calls of a whole run: some of those that fall into what is remembered. */
const CRASHES_EVERY = 31;

describe("signals that run models of their own", () => {
  it.each([undefined, 21])("are fed by a run; labels %s samples late", async (lagSamples) => {
    const lag = lagSamples === undefined ? {} : { lagSamples };
    const options = await optionsOn(emptyStores(), { ...OPTIONS, ...lag });
    await run(options);
    const { signals = [], counts, samples = 0 } = options.drift?.status() ?? {};
    const [embedded, rebuilt, disagreeing] = signals;
    expect(samples).toBeGreaterThan(250);
    for (const each of [embedded, rebuilt, disagreeing]) expect(each?.value).not.toBeNull();
    expect(signals.map(({ share }) => 1 / share)).toEqual([2, 1, 3, 1]);
    expect(counts).toMatchObject({ ignored: 0, outOfSequence: 0 });
    // Each has had a part in it, or could have.
    const drift = options.drift?.history().find(({ verdict }) => verdict === "drift");
    expect(drift?.at.sequence).toBeGreaterThan(190);
    expect(drift?.signals.some((name) => name !== "errors")).toBe(true);
  });

  it.each([
    ["before", undefined],
    ["after", undefined],
    ["after", 21],
  ] as const)("say the same when killed just %s calls; labels %s late", async (effect, late) => {
    const lag = late === undefined ? {} : { lagSamples: late };
    const whole = emptyStores();
    const reports = (await run(await optionsOn(whole, { ...OPTIONS, ...lag }))).map(timeless);
    const checkpoint = await latest(whole);
    expect(checkpoint.drift?.costly.members).toHaveLength(3);
    let crashes = 0;
    for (let at = 3; ; at += CRASHES_EVERY, crashes++) {
      const stores = emptyStores();
      const crashing = crashingAt(stores, at, effect);
      if (await survives(await optionsOn(crashing.stores, { ...OPTIONS, ...lag }))) break;
      const resumed = await run(await optionsOn(stores, { ...OPTIONS, ...lag }));
      expect((await latest(stores)).drift).toEqual(checkpoint.drift);
      expect(resumed.map(timeless)).toEqual(reports.slice(reports.length - resumed.length));
    }
    expect(crashes).toBeGreaterThan(5);
  });

  it("are refused where nothing is given that runs them", () => {
    const made = {
      features: FEATURES,
      classes: CLASSES,
      seed: 1,
      preprocessing: numeric(FEATURES),
    };
    const initial = linearModel(FEATURES, CLASSES).state;
    for (const { input, ...signal } of SIGNALS.slice(0, 3)) {
      const spec = { signals: [{ ...signal, input }] };
      expect(() => new DriftWatch({ ...made, spec, initial })).toThrow(/embedding|drift.signals/);
    }
  });

  it("look at what one sample at a time is, however many come together", async () => {
    const sizes: number[] = [];
    const session = new LinearSession(linearModel(FEATURES, CLASSES));
    const watch = new DriftWatch({
      ...{ spec: { signals: SIGNALS.slice(0, 1) }, features: FEATURES, classes: CLASSES, seed: 1 },
      ...{ preprocessing: numeric(FEATURES), initial: session.state },
      embedding: {
        ...embedding,
        of: (state, inputs) => {
          sizes.push(inputs.length);
          return embedding.of(state, inputs);
        },
      },
    });
    const samples = Array.from({ length: 6 }, (_, i) => ({
      features: Float32Array.from({ length: FEATURES }, () => i),
    }));
    const looks = await watch.look(7, samples, { session });
    expect(sizes).toEqual([FEATURES, FEATURES, FEATURES]);
    const seen = looks.map((look) => look.embedding !== undefined);
    expect(seen).toEqual([false, true, false, true, false, true]);
  });
});
