/** Kills the trainer at every call it makes to the outside, and resumes it with what is durable. */
import { shiftedFeatures } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import type { DriftActionSpec } from "./drift/response/response-spec.ts";
import { points } from "./points.fixture.ts";
import { COMPRESSION } from "./sparsifiers/gradient-specs.fixture.ts";
import { fullRetraining, proactive, type StrategySpec } from "./strategies/strategy-spec.ts";
import { crashingAt, latest, survives, timeless } from "./trainer.crash.fixture.ts";
import { emptyStores, oneTurn, optionsOn, run, samplesOf } from "./trainer.fixture.ts";
import { RESPONDING, WATCHED } from "./trainer.watched.fixture.ts";

type Overrides = NonNullable<Parameters<typeof optionsOn>[1]>;

const OPTIONS = { maxSteps: 25, checkpointEvery: 7 };
const SHORT = { maxSteps: 7, checkpointEvery: 3 };

const COUNTS = proactive({
  triggerSize: 8,
  batchSize: 32,
  sampler: { kind: "inverseCount" },
  trigger: { kind: "byCount", samples: 5 },
});

const RETRAINING = {
  trigger: { kind: "byCount", samples: 45 },
  epochs: 2,
  batchSize: 16,
  overload: "block",
} as const;

/** The same with another answer. */
function answering(onDrift: DriftActionSpec): StrategySpec {
  return { ...RESPONDING, response: { onDrift, actsUnconfirmed: true } };
}

/** Changes after 40 of its samples. */
const CHANGING = shiftedFeatures(points({ size: 10_000, inputs: 12, classes: 4 }), {
  ...{ fromSample: 40, features: [0, 1, 2, 3], by: 6 },
});

const DRIFTING = {
  ...{ maxSteps: 10, checkpointEvery: 4 },
  ...{ watched: WATCHED, strategy: RESPONDING, source: CHANGING },
};

/** Ways to train, and how many calls each iteration makes at least. */
const WAYS: readonly { way: string; options: Overrides; calls: number }[] = [
  { way: "proactive", options: SHORT, calls: 6 },
  { way: "with a sampler that remembers", options: { ...SHORT, strategy: COUNTS }, calls: 7 },
  { way: "with late labels", options: { ...SHORT, lagSamples: 21 }, calls: 7 },
  {
    way: "with BatchNormalization",
    options: { ...SHORT, normalised: true, buffers: { every: 9, batches: 2 } },
    calls: 6,
  },
  {
    way: "with drift watched",
    options: DRIFTING,
    calls: 6,
  },
  {
    way: "with drift watched and late labels",
    options: { ...DRIFTING, lagSamples: 21 },
    calls: 7,
  },
  { way: "with labels that follow", options: { ...SHORT, follows: true }, calls: 7 },
  {
    way: "with drift and labels that follow",
    options: { ...DRIFTING, maxSteps: 6, follows: true },
    calls: 7,
  },
  {
    way: "with a retraining on the samples since a drift",
    options: { ...DRIFTING, strategy: answering({ kind: "retrain", steps: 3, samplesMin: 20 }) },
    calls: 6,
  },
  { way: "by sparse gradients", options: { ...SHORT, gradients: COMPRESSION }, calls: 6 },
];

const RETRAININGS: readonly (readonly [string, StrategySpec])[] = [
  ["cold", fullRetraining({ ...RETRAINING, start: "cold" })],
  ["warm, of the newest", fullRetraining({ ...RETRAINING, start: "warm", window: 70 })],
];

const EFFECTS = ["before", "after"] as const;

describe("killed at any moment and resumed", () => {
  it.each(WAYS.flatMap((each) => EFFECTS.map((effect) => ({ ...each, effect }))))(
    "ends as if it had not been: $way, crash just $effect every call takes effect",
    async ({ options, calls, effect }) => {
      const whole = emptyStores();
      const undisturbed = await optionsOn(whole, options);
      const reports = (await run(undisturbed)).map(timeless);
      const checkpoint = await latest(whole);
      const verdicts = undisturbed.drift?.history() ?? [];
      expect(verdicts.length > 0).toBe(options.watched !== undefined);
      // Where the source need not wait, more of them may be in the history.
      const samples = (await samplesOf(whole)).slice(0, checkpoint.samples);
      let crashes = 0;
      for (; ; crashes++) {
        const stores = emptyStores();
        const crashing = crashingAt(stores, crashes, effect);
        if (await survives(await optionsOn(crashing.stores, options))) break;
        const resumed = await run(await optionsOn(stores, options));
        expect(stores.publisher.log).toEqual(whole.publisher.log);
        expect((await samplesOf(stores)).slice(0, samples.length)).toEqual(samples);
        expect(await latest(stores)).toEqual(checkpoint);
        // The steps that were taken again are reported as the first time.
        expect(resumed.map(timeless)).toEqual(reports.slice(reports.length - resumed.length));
        expect(resumed.some(({ replayDiffered }) => replayDiffered)).toBe(false);
      }
      expect(crashes).toBeGreaterThan(calls * (options.maxSteps ?? 0));
    },
  );

  it.each(RETRAININGS.flatMap((each) => EFFECTS.map((effect) => [...each, effect] as const)))(
    "comes to the same states by full retraining: %s (%j), crash just %s every call takes effect",
    async (_name, strategy, effect) => {
      // Of six or more steps each, so each is saved on its way.
      const options = { strategy, maxSteps: 3, checkpointEvery: 4, sleep: oneTurn };
      const whole = emptyStores();
      await run(await optionsOn(whole, options));
      const { log } = whole.publisher;
      expect(log.map(({ indices }) => indices.length).every((entries) => entries > 45)).toBe(true);
      const expected = await whole.checkpoints.latest();
      let crashes = 0;
      for (; ; crashes++) {
        const stores = emptyStores();
        const crashing = crashingAt(stores, crashes, effect);
        if (await survives(await optionsOn(crashing.stores, options))) break;
        await run(await optionsOn(stores, options));
        expect(stores.publisher.log).toEqual(log);
        const { training, samples, step, fingerprint } = (await stores.checkpoints.latest())!;
        expect({ training, samples, step, fingerprint }).toEqual({
          training: expected?.training,
          samples: 135,
          step: 3,
          fingerprint: expected?.fingerprint,
        });
      }
      expect(crashes).toBeGreaterThan(3 * 8);
    },
  );

  it("ends as if it had not been when killed again and again", async () => {
    const whole = emptyStores();
    await run(await optionsOn(whole, OPTIONS));
    for (const spacing of [20, 33, 50]) {
      const stores = emptyStores();
      let crashes = 0;
      for (;;) {
        const effect = crashes % 2 === 0 ? "before" : "after";
        const crashing = crashingAt(stores, spacing + crashes, effect);
        if (await survives(await optionsOn(crashing.stores, OPTIONS))) break;
        crashes++;
      }
      expect(crashes).toBeGreaterThan(2);
      expect(stores.publisher.log).toEqual(whole.publisher.log);
      expect(await samplesOf(stores)).toEqual(await samplesOf(whole));
      expect(await latest(stores)).toEqual(await latest(whole));
    }
  });
});
