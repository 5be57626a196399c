/** Preprocessing that learns: its statistics are part of the states, and of the updates. */
import {
  deployCopy,
  type Features,
  type ModelState,
  preprocessorOf,
  type Preprocessor,
  statisticsIn,
  stateBytes,
  stateOn,
} from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { deployedAt } from "./checkpoint-store.ts";
import { LinearSession } from "./linear-session.fixture.ts";
import { observeSamples } from "./preprocessing/observe-samples.ts";
import { fullRetraining, online, proactive } from "./strategies/strategy-spec.ts";
import { latest } from "./trainer.crash.fixture.ts";
import { NUMBERS } from "./trainer.preprocessing.fixture.ts";
import { emptyStores, modelFor, oneTurn, optionsOn, run, samplesOf } from "./trainer.fixture.ts";

/** Wide enough that features are cached for some steps, and then made anew. */
const FEATURES = { tolerance: 0.3 };

/** What is learned of samples when they come in these parts. */
async function learnedOf(
  preprocessor: Preprocessor,
  samples: readonly { readonly features: Features }[],
  ends: readonly number[],
): Promise<readonly Float32Array[]> {
  let statistics = preprocessor.initial();
  let from = 0;
  for (const to of ends) {
    const part = samples.slice(from, to).map(({ features }) => features);
    statistics = preprocessor.observe(statistics, part);
    from = to;
  }
  return Promise.resolve(statistics);
}

describe("preprocessing that learns", () => {
  it("takes every sample in once, and sends what it knows whole with each update", async () => {
    const stores = emptyStores();
    const options = await optionsOn(stores, { maxSteps: 9, preprocessing: NUMBERS });
    const preprocessor = preprocessorOf(NUMBERS);
    const follower = deployCopy(options.deployed.state, 0);
    const reports = await run(options);
    const samples = await samplesOf(stores);
    const ends: number[] = [];
    expect(stores.publisher.log).toHaveLength(9);
    for (const [i, update] of stores.publisher.log.entries()) {
      ends.push(reports[i]?.samples ?? 0);
      const learned = await learnedOf(preprocessor, samples, ends);
      follower.apply(update);
      expect(statisticsIn(follower.state, preprocessor.statistics)).toEqual(learned);
      expect(update.buffers.map(({ data }) => data)).toEqual(learned);
    }
    expect(follower.fingerprint).toBe(options.deployed.fingerprint);
    expect(statisticsIn(options.session.state, preprocessor.statistics)).toEqual(
      statisticsIn(follower.state, preprocessor.statistics),
    );
  });

  it("predicts with every state what that state's own statistics make of a sample", async () => {
    const stores = emptyStores();
    const preprocessor = preprocessorOf(NUMBERS);
    const model = modelFor(NUMBERS);
    const session = new LinearSession(model);
    const asked: {
      state: ModelState;
      inputs: Float32Array;
      statistics: readonly Float32Array[];
    }[] = [];
    const options = await optionsOn(stores, {
      ...{ session, maxSteps: 5, preprocessing: NUMBERS },
    });
    const predict = session.predict.bind(session);
    session.predict = (state, inputs, size) => {
      const statistics = statisticsIn(state, preprocessor.statistics);
      asked.push({ state, inputs, statistics });
      return predict(state, inputs, size);
    };
    await run(options);
    const samples = await samplesOf(stores);
    const frozen = options.evaluation.frozen;
    const seen = new Map<ModelState, number>();
    for (const { state, inputs, statistics } of asked) {
      const from = seen.get(state) ?? 0;
      const to = from + inputs.length / 12;
      seen.set(state, to);
      const features = samples.slice(from, to).map((sample) => sample.features);
      expect(inputs).toEqual(preprocessor.transform(statistics, features));
    }
    expect(new Set(seen.keys())).toEqual(new Set([session.state, options.deployed.state, frozen]));
    // The frozen state knows nothing of samples, the others do.
    expect(asked.filter(({ state }) => state === frozen).at(-1)?.statistics).toEqual(
      preprocessor.initial(),
    );
    const trained = asked.filter(({ state }) => state === session.state);
    expect(trained.at(-1)?.statistics).not.toEqual(trained[0]?.statistics);
  });

  it("trains on features within the tolerance, and never caches what is augmented", async () => {
    for (const tolerance of [0, 0.2]) {
      const preprocessor = preprocessorOf(NUMBERS);
      const session = new LinearSession(modelFor(NUMBERS));
      const stores = emptyStores();
      const step = session.step.bind(session);
      const batches: { inputs: Float32Array; statistics: readonly Float32Array[] }[] = [];
      session.step = (batch) => {
        const statistics = statisticsIn(session.state, preprocessor.statistics);
        batches.push({ inputs: batch.inputs.slice(), statistics });
        return step(batch);
      };
      const options = await optionsOn(stores, {
        ...{ session, maxSteps: 12, preprocessing: NUMBERS, features: { tolerance } },
      });
      const append = stores.journal.append.bind(stores.journal);
      const positions: (readonly number[])[] = [];
      await run({
        ...options,
        journal: {
          ...stores.journal,
          after: (at) => stores.journal.after(at),
          forgetTo: (at) => stores.journal.forgetTo(at),
          append: (entry) => {
            if (entry.iteration.kind === "step") positions.push(entry.iteration.positions);
            return append(entry);
          },
        },
      });
      const samples = await samplesOf(stores);
      let differing = 0;
      for (const [i, { inputs, statistics }] of batches.entries()) {
        const features = (positions[i] ?? []).map(
          (at) => samples[at]?.features ?? [],
        ) as Features[];
        const exact = preprocessor.transform(statistics, features);
        expect(exact).toHaveLength(inputs.length);
        for (const [j, z] of exact.entries()) {
          const off = Math.abs(z - (inputs[j] ?? NaN));
          expect(off).toBeLessThanOrEqual(tolerance * (1 + Math.abs(z)) + 1e-6);
          if (off > 0) differing++;
        }
      }
      expect(differing > 0).toBe(tolerance > 0);
    }
  });

  it.each([
    ["online", online({ batchSize: 8 })],
    ["proactive", proactive({ triggerSize: 8, batchSize: 32 })],
    [
      "full retraining",
      fullRetraining({
        ...{ trigger: { kind: "byCount", samples: 40 }, epochs: 1, batchSize: 16 },
        start: "warm",
      }),
    ],
  ] as const)("goes on where a run was stopped: %s", async (_name, strategy) => {
    const at = async (stops: readonly number[]) => {
      const stores = emptyStores();
      for (const maxSteps of stops) {
        await run(
          await optionsOn(stores, {
            ...{ maxSteps, strategy, preprocessing: NUMBERS, features: FEATURES },
            ...{ size: 160, sleep: oneTurn },
          }),
        );
      }
      return { log: stores.publisher.log, training: (await latest(stores)).training };
    };
    expect(await at([1, 2, 3])).toEqual(await at([3]));
  });

  it("knows a past at once, and a rollback brings its statistics back", async () => {
    const stores = emptyStores();
    const preprocessor = preprocessorOf(NUMBERS);
    await run(await optionsOn(stores, { maxSteps: 4, preprocessing: NUMBERS }));
    const samples = await samplesOf(stores);
    const { history } = stores;
    const later = { ...emptyStores(), history };
    const options = await optionsOn(later, { maxSteps: 0, preprocessing: NUMBERS });
    await run(options);
    expect(statisticsIn(options.session.state, preprocessor.statistics)).toEqual(
      await learnedOf(preprocessor, samples, [history.count()]),
    );
    // What a rollback leaves: both states are those of version 0, whose statistics know nothing else.
    const checkpoint = (await later.checkpoints.latest())!;
    const { state } = modelFor(NUMBERS);
    const known = new LinearSession(modelFor(NUMBERS));
    await observeSamples({ preprocessor, session: known, history }, 0, 16);
    const back = stateBytes(known.state).slice();
    const { fingerprint } = deployCopy(stateOn(state.layout, back.slice().buffer), 0);
    await later.checkpoints.save({
      ...{ ...checkpoint, deployed: back, fingerprint },
      training: { state: back, optimizer: new Uint8Array(0) },
    });
    const resumed = await optionsOn(later, {
      ...{ maxSteps: 0, preprocessing: NUMBERS },
      session: new LinearSession(modelFor(NUMBERS)),
    });
    await resumed.session.restore?.((await later.checkpoints.latest())!.training);
    await run(resumed);
    expect(statisticsIn(resumed.session.state, preprocessor.statistics)).toEqual(
      await learnedOf(preprocessor, samples, [16]),
    );
    expect(deployedAt((await later.checkpoints.latest())!, state.layout).fingerprint).toBe(
      fingerprint,
    );
  });
});
