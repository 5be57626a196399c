import { deployCopy, tensorOf, type Update } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { LearnOptionError, NonFiniteParameterError } from "./errors.ts";
import { momentsUnder, normalisedModel } from "./normalised-session.fixture.ts";
import { BUFFERS_EVERY_DEFAULT } from "./buffer-options.ts";
import { samplerForBuffers } from "./running-statistics.ts";
import { excluding } from "./samplers/excluding.ts";
import { sparsifierOf } from "./sparsifiers/sparsifier-of.ts";
import { emptyStores, optionsOn, run, samplesOf } from "./trainer.fixture.ts";
import type { TrainerOptions } from "./trainer-options.ts";

const INPUTS = 12;
const EVERY_7 = { normalised: true, maxSteps: 40, buffers: { every: 7, batches: 3 } } as const;

const versionsWithBuffers = (log: readonly Update[]): readonly number[] =>
  log.filter(({ buffers }) => buffers.length > 0).map(({ toVersion }) => toVersion);

/** The mean and the unbiased variance of each column, over all rows at once. */
function statisticsOf(rows: readonly (readonly number[])[], factors: readonly number[]) {
  return factors.map((factor, column) => {
    const values = rows.map((row) => factor * (row[column] ?? Number.NaN));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return { mean, variance: squares / (values.length - 1) };
  });
}

describe("running statistics of the deployed state", () => {
  it("are, every so many updates, those of past samples under the weights after the update", async () => {
    const stores = emptyStores();
    const options = await optionsOn(stores, EVERY_7);
    const reports = await run(options);
    const { log } = stores.publisher;
    expect(versionsWithBuffers(log)).toEqual([7, 14, 21, 28, 35]);
    const replica = deployCopy(normalisedModel(INPUTS, 4).state, 0);
    const samples = await samplesOf(stores);
    for (const update of log) {
      replica.apply(update);
      if (update.buffers.length === 0) continue;
      const { toVersion } = update;
      // Version v follows 8 v samples; three batches of 32 if there are so many.
      const seen = 8 * toVersion;
      const count = Math.min(96, 32 * Math.floor(seen / 32));
      const positions = samplerForBuffers(5, toVersion).draw(96, seen).slice(0, count);
      const rows = positions.map((at) => Array.from(samples[at]!.features, Number));
      const factors = Array.from({ length: INPUTS }, (_, i) => 1 + replica.state.parameters[i]!);
      const expected = statisticsOf(rows, factors);
      const least = 1e-5 + Math.min(...expected.map(({ variance }) => variance));
      const steps = { mean: Math.sqrt(least) / 16, variance: least / 8 };
      for (const name of ["mean", "variance"] as const) {
        const unit = 2 ** Math.floor(Math.log2(steps[name]));
        expected.forEach((statistics, column) => {
          const deployed = Number(tensorOf(replica.state, name).data[column]);
          expect(Number.isInteger(deployed / unit)).toBe(true);
          expect(Math.abs(deployed - statistics[name])).toBeLessThanOrEqual(0.500_001 * unit);
        });
      }
    }
    expect(replica.fingerprint).toBe(reports.at(-1)?.fingerprint);
    const bytes = reports.map(({ bufferBytes }) => bufferBytes).filter((each) => each > 0);
    expect(bytes).toEqual([96, 96, 96, 96, 96]);
    // θ keeps its own, which nobody else ever sees.
    expect(tensorOf(options.session.state, "mean").data[0]).toBe(40_000);
  });

  it("come at a default pace, and not at all where a model has none", async () => {
    const stores = emptyStores();
    await run(await optionsOn(stores, { normalised: true, maxSteps: 110 }));
    const expected = [BUFFERS_EVERY_DEFAULT, 2 * BUFFERS_EVERY_DEFAULT];
    expect(versionsWithBuffers(stores.publisher.log)).toEqual(expected);
    const plain = await optionsOn(emptyStores(), { maxSteps: 5, buffers: { every: 1 } });
    const never = (): never => {
      throw new Error("nobody should ask");
    };
    plain.session.moments = never;
    const reports = await run(plain);
    expect(reports.map(({ bufferBytes }) => bufferBytes)).toEqual([0, 0, 0, 0, 0]);
  });

  it("wait until there are samples to tell from", async () => {
    const stores = emptyStores();
    const pace = { triggerSize: 5, maxSteps: 8, buffers: { every: 1 } };
    await run(await optionsOn(stores, { normalised: true, ...pace }));
    expect(versionsWithBuffers(stores.publisher.log)).toEqual([4, 5, 6, 7, 8]);
  });

  it("come from the samples that a sampler for each version picks", async () => {
    const seen: string[] = [];
    const stores = emptyStores();
    const excluded = [{ from: 0, to: 200 }];
    const options = await optionsOn(stores, {
      ...EVERY_7,
      buffers: {
        ...EVERY_7.buffers,
        samplerAt: (version) => excluding(samplerForBuffers(9, version), excluded),
      },
    });
    options.session.moments = (state, inputs, size) => {
      for (let i = 0; i < size; i++) seen.push(inputs.subarray(12 * i, 12 * i + 12).join());
      return Promise.resolve(momentsUnder(state, inputs, size));
    };
    await run(options);
    // 7 · 8 and 14 · 8 samples were excluded all; after that there are some to draw.
    expect(versionsWithBuffers(stores.publisher.log)).toEqual([28, 35]);
    const old = (await samplesOf(stores)).slice(0, 200).map(({ features }) => features.join());
    expect(seen).toHaveLength(24 + 64);
    expect(seen.filter((each) => old.includes(each))).toEqual([]);
  });

  it("leave fewer places to parameters where bytes are counted", async () => {
    const stores = emptyStores();
    const amount = { kind: "bytesPerUpdate", bytes: 160 } as const;
    const sparsifier = sparsifierOf({
      kind: "topK",
      scope: "global",
      amount,
      valueType: "float32",
    });
    const reports = await run(await optionsOn(stores, { ...EVERY_7, sparsifier }));
    const mean = (withBuffers: boolean): number => {
      const those = reports.filter(({ bufferBytes }) => bufferBytes > 0 === withBuffers);
      return those.reduce((sum, { entries }) => sum + entries, 0) / those.length;
    };
    // 160 bytes less 56 of a header hold 13 entries of 8 bytes or more; less 96 of statistics, one.
    expect(mean(false)).toBeGreaterThanOrEqual(13);
    expect(mean(true)).toBe(1);
  });

  it("are never published where one is not finite", async () => {
    const stores = emptyStores();
    const options = await optionsOn(stores, EVERY_7);
    options.session.moments = (state, inputs, size) => {
      const { layers, ...rest } = momentsUnder(state, inputs, size);
      const [layer] = layers;
      const variance = layer!.variance.with(3, Infinity);
      return Promise.resolve({ ...rest, layers: [{ ...layer!, variance }] });
    };
    const failing = run(options);
    await expect(failing).rejects.toThrow(NonFiniteParameterError);
    await expect(failing).rejects.toThrow(/"variance" holds Infinity at element 3/);
    expect(stores.publisher.log.at(-1)?.toVersion).toBe(6);
  });

  it("are as exact as a layer's channel that varies least needs, also where one does not vary", async () => {
    for (const [least, unit] of [
      [0.25, 2 ** -5],
      [0, 2 ** -13],
    ] as const) {
      const stores = emptyStores();
      const options = await optionsOn(stores, EVERY_7);
      options.session.moments = (state, inputs, size) => {
        const { layers, ...rest } = momentsUnder(state, inputs, size);
        const [layer] = layers;
        const variance = layer!.variance.map((_, i) => (i === 3 ? least : 1 + i / 7));
        const mean = layer!.mean.map((_, i) => i / 7 - 1e-9);
        return Promise.resolve({ ...rest, layers: [{ ...layer!, mean, variance }] });
      };
      await run(options);
      const [mean] = stores.publisher.log.find(({ buffers }) => buffers.length > 0)!.buffers;
      const multiples = Array.from(mean!.data as Float32Array, (value) => value / unit);
      expect(multiples.every(Number.isInteger)).toBe(true);
      expect(multiples.some((n) => n % 2 !== 0)).toBe(true);
      expect(Object.is(mean!.data[0], 0)).toBe(true);
      const error = Array.from(mean!.data as Float32Array, (value, i) => Math.abs(value - i / 7));
      expect(Math.max(...error)).toBeLessThan(0.51 * unit);
    }
  });

  it("are of other samples for every version and seed, and always of the same", () => {
    const drawn = (seed: number, version: number): string =>
      samplerForBuffers(seed, version).draw(9, 1_000).join();
    expect(drawn(1, 50)).toBe(drawn(1, 50));
    const all = [1, 2].flatMap((seed) => [0, 50, 100, 1_000_000].map((at) => drawn(seed, at)));
    expect(new Set(all).size).toBe(all.length);
  });

  it("refuse a pace that is none", async () => {
    for (const buffers of [{ every: 0 }, { every: 1.5 }, { batches: 0 }]) {
      await expect(optionsOn(emptyStores(), { buffers }).then(run)).rejects.toThrow(
        LearnOptionError,
      );
    }
  });
});

describe("running statistics of a run that is taken up again", () => {
  it("are the same as in one that went on", async () => {
    const [whole, halves] = [emptyStores(), emptyStores()];
    await run(await optionsOn(whole, EVERY_7));
    for (const maxSteps of [13, 14, 40]) {
      await run(await optionsOn(halves, { ...EVERY_7, maxSteps }));
    }
    expect(halves.publisher.log).toEqual(whole.publisher.log);
    expect(await halves.checkpoints.latest()).toEqual(await whole.checkpoints.latest());
  });

  it("are those of the log where a replay comes to others", async () => {
    const stores = emptyStores();
    const options = await optionsOn(stores, { ...EVERY_7, checkpointEvery: 10 });
    const { publisher } = stores;
    const crashing: TrainerOptions["publisher"] = {
      publish: (update) =>
        update.toVersion === 25 ? Promise.reject(new Error("crash")) : publisher.publish(update),
    };
    await expect(run({ ...options, publisher: crashing })).rejects.toThrow("crash");
    const logged = publisher.log.slice();
    const others = { ...EVERY_7, buffers: { every: 7, batches: 1 } };
    const again = await run(await optionsOn(stores, others));
    const differing = again.filter(({ replayDiffered }) => replayDiffered);
    expect(differing.map(({ version }) => version)).toEqual([21]);
    expect(stores.publisher.log.slice(0, 24)).toEqual(logged);
    const replica = deployCopy(normalisedModel(INPUTS, 4).state, 0);
    for (const update of stores.publisher.log) replica.apply(update);
    expect(replica.fingerprint).toBe(again.at(-1)?.fingerprint);
  });
});
