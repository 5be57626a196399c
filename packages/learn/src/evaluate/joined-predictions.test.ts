import { ManualClock, Random, type Sample } from "@everfresh/core";
import { delayedLabels, memoryLabelJoin } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import { ClassBaselines } from "./baselines.ts";
import { classEvaluation } from "./evaluation.ts";
import { recordJoined } from "./joined-predictions.ts";

/** Labels that stay for a while and then change, in blocks of random length. */
function blocks(count: number): readonly Sample[] {
  const random = new Random(5);
  let label = 0;
  return Array.from({ length: count }, (_, i) => {
    if (random.below(20) === 0) label = random.below(3);
    return { id: `sample-${i}`, eventTimeMs: i, features: Uint8Array.of(label), label };
  });
}

async function* streamOf(samples: readonly Sample[]): AsyncGenerator<Sample> {
  for (const sample of samples) yield await Promise.resolve(sample);
}

describe("recordJoined", () => {
  it.each([0, 1, 40, 5_000])(
    "scores with labels %i samples late what was answered when samples arrived",
    async (lagSamples) => {
      const samples = blocks(1_500);
      const spec = { target: { kind: "classes", count: 3 } } as const;
      // Two states: the second one gets better with every label that it has seen.
      const evaluations = [classEvaluation(spec), classEvaluation(spec)];
      const baselines = new ClassBaselines(3);
      await using join = memoryLabelJoin({ clock: new ManualClock() });
      let learned = 0;
      const logitsOf = (sample: Sample): Float32Array => {
        const late = [0, 0, 0];
        late[sample.label] = learned >= 300 ? 5 : -5;
        return Float32Array.of(0, 1, 0, ...late);
      };
      for await (const event of delayedLabels(streamOf(samples), lagSamples)) {
        if (event.kind === "sample") {
          const { id, eventTimeMs, features } = event.sample;
          const outputs = logitsOf(event.sample);
          const prediction = { id, eventTimeMs, features, outputs, version: learned };
          await join.predicted([{ ...prediction, ...baselines.predict() }]);
        } else {
          expect(await join.labelled([event])).toEqual(["joined"]);
          const from = join.joinedCount() - 1;
          recordJoined(evaluations, await join.joined(from, from + 1));
          baselines.learn(event.label);
          learned++;
        }
      }
      const [fixed, learning] = evaluations.map((each) => each.scores().cumulative);
      const share = (isRight: (sample: Sample, i: number) => boolean): number =>
        samples.filter(isRight).length / samples.length;
      expect(fixed!.weight).toBe(1_500);
      expect(fixed!.accuracy).toBeCloseTo(
        share(({ label }) => label === 1),
        12,
      );
      // Sample i was answered when the labels up to i − 1 − lag were there.
      expect(learning!.accuracy).toBeCloseTo(
        share((_, i) => i - lagSamples >= 300),
        12,
      );
      expect(fixed!.noChangeAccuracy).toBeCloseTo(
        share(({ label }, i) => samples[i - 1 - lagSamples]?.label === label),
        12,
      );
      const lag = join.stats().lagSamples.max;
      expect(lag).toBe(Math.min(lagSamples, samples.length - 1));
    },
  );
});
