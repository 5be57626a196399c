/** Kills a trainer whose preprocessing learns at every call it makes to the outside, and resumes it. */
import { pipeline } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { fullRetraining } from "./strategies/strategy-spec.ts";
import { crashingAt, latest, survives, timeless } from "./trainer.crash.fixture.ts";
import { emptyStores, oneTurn, optionsOn, run } from "./trainer.fixture.ts";
import { NUMBERS } from "./trainer.preprocessing.fixture.ts";
import { RESPONDING, WATCHED } from "./trainer.watched.fixture.ts";

/** Images of one channel, changed at random in training. */
const IMAGES = pipeline({
  raw: { kind: "image", width: 4, height: 3, channels: 1 },
  branches: [{ steps: [{ kind: "standardise" }] }],
  augmentation: { flip: true, shiftPixels: 1, contrast: 0.2, brightness: 0.1 },
});

const SHORT = { maxSteps: 4, checkpointEvery: 2 };

/** Wide enough that features are cached for some steps, and then made anew. */
const FEATURES = { tolerance: 0.3 };

const WAYS = [
  { way: "numbers", options: { ...SHORT, preprocessing: NUMBERS, features: FEATURES } },
  { way: "augmented images", options: { ...SHORT, preprocessing: IMAGES, features: FEATURES } },
  {
    way: "late labels",
    options: { ...SHORT, preprocessing: NUMBERS, features: FEATURES, lagSamples: 21 },
  },
  {
    way: "drift watched",
    options: {
      ...{ ...SHORT, preprocessing: NUMBERS, features: FEATURES, watched: WATCHED },
      strategy: RESPONDING,
    },
  },
  {
    way: "cold retrainings",
    options: {
      ...{ maxSteps: 2, checkpointEvery: 2, sleep: oneTurn },
      ...{ preprocessing: IMAGES, features: FEATURES },
      strategy: fullRetraining({
        ...{ trigger: { kind: "byCount", samples: 45 }, epochs: 2, batchSize: 16 },
        ...{ overload: "block", start: "cold" },
      }),
    },
  },
] as const;

describe("killed at any moment and resumed", () => {
  it.each(
    WAYS.flatMap((each) => (["before", "after"] as const).map((effect) => ({ ...each, effect }))),
  )(
    "survives a crash at any moment: $way, just $effect a call takes effect",
    async ({ options, effect }) => {
      const whole = emptyStores();
      const reports = (await run(await optionsOn(whole, options))).map(timeless);
      const checkpoint = await latest(whole);
      let crashes = 0;
      for (; ; crashes++) {
        const stores = emptyStores();
        const crashing = crashingAt(stores, crashes, effect);
        if (await survives(await optionsOn(crashing.stores, options))) break;
        const resumed = await run(await optionsOn(stores, options));
        expect(stores.publisher.log).toEqual(whole.publisher.log);
        const { training, deployed, features, samples } = await latest(stores);
        expect({ training, deployed, features, samples }).toEqual({
          ...{ training: checkpoint.training, deployed: checkpoint.deployed },
          ...{ features: checkpoint.features, samples: checkpoint.samples },
        });
        if (options.maxSteps === SHORT.maxSteps) {
          expect(resumed.map(timeless)).toEqual(reports.slice(reports.length - resumed.length));
        }
      }
      expect(crashes).toBeGreaterThan(6 * options.maxSteps);
    },
  );
});
