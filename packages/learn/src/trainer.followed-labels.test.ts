/** The loop with labels that come by themselves. */
import { deployCopy } from "@everfresh/core";
import type { Arrival } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import type { TrainerCheckpoint } from "./checkpoint-store.ts";
import { ClassBaselines } from "./evaluate/baselines.ts";
import { LiveEvaluation } from "./evaluate/live-evaluation.ts";
import { arrivalsOf, BETWEEN_MS, followed } from "./followed-points.fixture.ts";
import { linearModel, LinearSession } from "./linear-session.fixture.ts";
import { points } from "./points.fixture.ts";
import { frozen, fullRetraining, online, proactive } from "./strategies/strategy-spec.ts";
import { emptyStores, oneTurn, optionsOn, run, samplesOf } from "./trainer.fixture.ts";

const SOURCE = points({ size: 10_000, inputs: 12, classes: 4 });
const DRIFT = {
  signals: [
    {
      name: "entropy",
      input: "entropy",
      detector: { kind: "pageHinkley" },
    },
  ],
} as const;

const COUNT = { kind: "byCount", samples: 40 } as const;

async function allArrivals(): Promise<readonly Arrival[]> {
  const arrivals: Arrival[] = [];
  for await (const arrival of arrivalsOf(SOURCE.read())) arrivals.push(arrival);
  return arrivals;
}

describe("labels that come by themselves", () => {
  it("score what every state answered when the sample arrived, and are learned in their order", async () => {
    const stores = emptyStores();
    const options = await optionsOn(stores, { follows: true, source: SOURCE, maxSteps: 17 });
    const reports = await run(options);
    expect(reports.map(({ samples }) => samples)).toEqual(reports.map((_, i) => 8 * (i + 1)));

    // Each version answers again as it did then; the answers give the scores.
    const session = new LinearSession(linearModel(12, 4));
    const replica = deployCopy(session.state, 0);
    const frozen = linearModel(12, 4).state;
    const scored = new LiveEvaluation({ classes: 4, frozen });
    const known = new ClassBaselines(4);
    const answers = new Map<string, { outputs: Float32Array; atMs: number }>();
    const learned: string[] = [];
    const most = { joined: 8 * 17, expired: 0 };
    const lagsMs: number[] = [];
    const expiry = 56 * BETWEEN_MS;
    const byId = new Map((await samplesOf(stores)).map((sample) => [sample.id, sample]));
    const baselines = new Map<string, ReturnType<ClassBaselines["predict"]>>();
    for (const arrival of await allArrivals()) {
      if (learned.length === most.joined) break;
      for (const [id, { atMs }] of answers) {
        if (atMs > arrival.atMs - expiry) continue;
        answers.delete(id);
        most.expired++;
      }
      if (arrival.kind === "sample") {
        const { id, features } = arrival.sample;
        // A step is made of 8 labels, and what comes behind the last of them is predicted after it.
        const version = Math.floor(learned.length / 8);
        while (replica.version < version) replica.apply(stores.publisher.log[replica.version]!);
        const inputs = Float32Array.from(features);
        const outputs = new Float32Array(8);
        outputs.set(await session.predict(replica.state, inputs, 1));
        outputs.set(await session.predict(frozen, inputs, 1), 4);
        answers.set(id, { outputs, atMs: arrival.atMs });
        baselines.set(id, known.predict());
        continue;
      }
      known.learn(arrival.label);
      const own = answers.get(arrival.id);
      if (own === undefined) continue;
      answers.delete(arrival.id);
      learned.push(arrival.id);
      lagsMs.push(arrival.atMs - own.atMs);
      expect(byId.get(arrival.id)?.label).toBe(arrival.label);
      const outputs = Float32Array.of(0, 0, 0, 0, ...own.outputs);
      scored.record({ label: arrival.label, outputs, answers: baselines.get(arrival.id)! });
    }
    expect((await samplesOf(stores)).map(({ id }) => id)).toEqual(learned);
    expect(most.expired).toBeGreaterThan(0);
    expect(stores.join.stats()).toMatchObject({
      ...{ joined: most.joined, expiredByAge: most.expired, pending: answers.size, early: 0 },
    });
    const { lagMs } = stores.join.stats();
    expect(lagMs.mean).toBeCloseTo(lagsMs.reduce((sum, lag) => sum + lag, 0) / lagsMs.length);
    expect(lagMs.max).toBe(Math.max(...lagsMs));
    const scores = options.evaluation.scores();
    const expected = scored.scores();
    expect(scores.deployed).toEqual(expected.deployed);
    expect(scores.frozen).toEqual(expected.frozen);
  });

  it("need not come: samples are predicted, and seen by who watches drift, without any", async () => {
    const stores = emptyStores();
    const options = await optionsOn(stores, { follows: true, source: SOURCE, watched: DRIFT });
    const { following } = options.source;
    const samplesAlone = async function* (from: number): AsyncGenerator<Arrival, void, void> {
      for (const arrival of await allArrivals()) {
        if (arrival.kind === "sample" && arrival.place >= from) yield arrival;
      }
    };
    const source = {
      ...options.source,
      following: { ...following!, read: ({ from = 0 } = {}) => samplesAlone(from) },
    };
    expect(await run({ ...options, source })).toEqual([]);
    expect(stores.history.count()).toBe(0);
    expect(options.drift?.status()).toMatchObject({ samples: 220, labelled: 0 });
    expect(options.drift?.status().signals).toMatchObject([{ name: "entropy" }]);
    const { predicted, pending, expiredByAge } = stores.join.stats();
    expect(options.drift?.status().counts).toMatchObject({ expired: expiredByAge });
    expect([predicted, pending + expiredByAge]).toEqual([220, 220]);
    // A checkpoint knows what was seen: nothing of it is to be seen again.
    const turns = stores.join.turns();
    expect(turns).toEqual({ count: 220 + expiredByAge, released: 220 + expiredByAge });
    expect(stores.inbox.released()).toBeGreaterThan(220);
  });

  it.each([
    ["frozen", frozen()],
    ["online", online({ batchSize: 8 })],
    ["by a trigger", proactive({ triggerSize: 8, batchSize: 32, trigger: COUNT })],
    ["growing", proactive({ triggerSize: 8, batchSize: 32, overload: "grow" })],
    ["skipping", proactive({ triggerSize: 8, batchSize: 32, overload: "skip" })],
    ["by retraining", fullRetraining({ trigger: COUNT, start: "warm", epochs: 1, batchSize: 16 })],
  ])("are all met, whatever the strategy is: %s", async (_name, strategy) => {
    const stores = emptyStores();
    const sleep = oneTurn;
    const given = { follows: true, source: SOURCE, watched: DRIFT, strategy, sleep };
    const options = await optionsOn(stores, given);
    await run(options);
    const { predicted, joined, tooLate } = stores.join.stats();
    const labels = (await allArrivals()).filter(({ kind }) => kind === "label").length;
    expect([predicted, joined + tooLate]).toEqual([220, labels]);
    expect(stores.history.count()).toBe(joined);
    expect(options.evaluation.scores().deployed.samples).toBe(joined);
    expect(options.drift?.status().samples).toBe(220);
  });

  it("are no reason to keep what was seen for ever: now and then there is a checkpoint", async () => {
    const stores = emptyStores();
    const many = points({ size: 10_300, inputs: 12, classes: 4 });
    const options = await optionsOn(stores, { follows: true, source: SOURCE, watched: DRIFT });
    const read = async function* (): AsyncGenerator<Arrival, void, void> {
      let place = 0;
      for await (const sample of many.read()) {
        yield { kind: "sample", place: place++, atMs: place, sample };
      }
    };
    const saved: number[] = [];
    const checkpoints = {
      latest: () => stores.checkpoints.latest(),
      save: (checkpoint: TrainerCheckpoint) => {
        saved.push(checkpoint.drift?.watched ?? 0);
        return stores.checkpoints.save(checkpoint);
      },
    };
    const following = { ...options.source.following!, read };
    await run({ ...options, checkpoints, source: { ...options.source, following } });
    // At the beginning, when there is much to be seen again, and at the end.
    expect(saved).toHaveLength(3);
    expect(saved[1]).toBeGreaterThanOrEqual(10_000);
    expect(saved[2]).toBe(10_300);
  });

  it("are refused where the source and the run do not agree about them", async () => {
    const stores = emptyStores();
    const lagging = await optionsOn(stores, { lagSamples: 3 });
    const source = followed(SOURCE, stores.inbox);
    await expect(run({ ...lagging, source })).rejects.toMatchObject({ code: "EF_LEARN_OPTION" });
    const labels = { join: stores.join, lagSamples: null };
    await expect(run({ ...lagging, labels })).rejects.toMatchObject({ code: "EF_LEARN_OPTION" });
  });
});
