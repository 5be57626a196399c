import { cloneState, deployCopy, ManualClock, Random } from "@everfresh/core";
import type { TrainingBatch } from "@everfresh/engine";
import { describe, expect, it } from "vitest";
import { LearnOptionError, ResumeMismatchError } from "../errors.ts";
import { linearModel } from "../linear-session.fixture.ts";
import { emptyStores, optionsOn, run } from "../trainer.fixture.ts";
import { GradientReference } from "./gradient-reference.fixture.ts";
import type { GradientSpec } from "./gradient-spec.ts";
import { ALGORITHM_1, COMPRESSION } from "./gradient-specs.fixture.ts";
import { ratioAt } from "./gradient-steps.ts";
import { gradientTraining } from "./gradient-training.ts";
import { LinearGradients } from "./linear-gradients.fixture.ts";

const SPECS: readonly (readonly [string, GradientSpec])[] = [
  ["Algorithm 1 per tensor", ALGORITHM_1],
  ["Algorithm 1 over all", { ...ALGORITHM_1, choose: "global" }],
  ["Algorithm 1 at random", { ...ALGORITHM_1, choose: "randomPerTensor" }],
  ["deep gradient compression per tensor", COMPRESSION],
  ["deep gradient compression over all", { ...COMPRESSION, choose: "global", clipNorm: null }],
];

const INPUTS = 12;
const CLASSES = 4;

function linear(inputs = INPUTS): LinearGradients {
  return new LinearGradients(linearModel(inputs, CLASSES));
}

function batchOf(seed: number): TrainingBatch {
  const random = new Random(seed);
  const targets = Int32Array.from({ length: 16 }, () => random.below(CLASSES));
  const inputs = Float32Array.from({ length: 16 * INPUTS }, (_, i) =>
    random.normal(i % CLASSES === targets[Math.floor(i / INPUTS)] ? 1 : 0, 0.7),
  );
  return { inputs, targets, size: 16 };
}

describe.each(SPECS)("training by %s", (_name, spec) => {
  it("takes the steps of the definition; x̂ has the parameters of θ after every update", async () => {
    const source = linear();
    const { session, sparsifier } = gradientTraining(source, spec, { clock: new ManualClock() });
    const reference = new GradientReference(cloneState(source.state), spec);
    const deployed = deployCopy(source.state, 0);
    const replica = deployCopy(source.state, 0);
    for (let step = 0; step < 40; step++) {
      const batch = batchOf(step);
      const sent = reference.step((await source.gradient(batch)).gradient);
      await session.step(batch);
      const change = sparsifier.select(session.state, deployed.state);
      expect(sent).toEqual(expect.arrayContaining([...change.indices]));
      const update = deployed.updateFor(change);
      deployed.apply(update);
      replica.apply(update);
      expect(session.state.parameters).toEqual(reference.parameters);
      expect(new Uint8Array(deployed.state.buffer)).toEqual(new Uint8Array(session.state.buffer));
      expect(replica.fingerprint).toBe(deployed.fingerprint);
    }
  });

  it("learns in the loop, and goes on from a checkpoint bit for bit", async () => {
    const [whole, halves] = [emptyStores(), emptyStores()];
    const train = async (stores: typeof whole, maxSteps: number): Promise<number> => {
      const resume = await stores.checkpoints.latest();
      const clock = new ManualClock();
      const training = gradientTraining(linear(), spec, {
        clock,
        seed: 8,
        ...(resume === null ? {} : { checkpoint: resume.training }),
      });
      const reports = await run(await optionsOn(stores, { ...training, clock, maxSteps }));
      return reports.at(-1)?.deployed.windowAccuracy ?? 0;
    };
    expect(await train(whole, 150)).toBeGreaterThan(0.6);
    await train(halves, 70);
    await train(halves, 150);
    expect(halves.publisher.log).toEqual(whole.publisher.log);
    expect(await halves.checkpoints.latest()).toEqual(await whole.checkpoints.latest());
  });
});

describe("training by sparse gradients", () => {
  const options = { clock: new ManualClock() };

  it("comes down to its ratio in stages", () => {
    const spec = { ...COMPRESSION, ratio: 0.001 };
    expect([0, 2, 3, 6, 9, 11, 12, 999].map((step) => ratioAt(spec, step))).toEqual([
      0.25, 0.25, 0.063, 0.015, 0.004, 0.004, 0.001, 0.001,
    ]);
  });

  it("refuses numbers that are out of their range, by name", () => {
    const wrong: readonly (readonly [GradientSpec, RegExp])[] = [
      [{ ...ALGORITHM_1, learningRate: 0 }, /learningRate .* got 0/],
      [{ ...ALGORITHM_1, ratio: 2 }, /ratio .* got 2/],
      [{ ...COMPRESSION, momentum: 1 }, /momentum .* got 1/],
      [{ ...COMPRESSION, clipNorm: 0 }, /clipNorm .* got 0/],
      [{ ...COMPRESSION, warmUp: { ratios: [0], stepsPerRatio: 3 } }, /warmUp.ratios .* got 0/],
      [{ ...COMPRESSION, warmUp: { ratios: [], stepsPerRatio: 0 } }, /stepsPerRatio .* got 0/],
    ];
    for (const [spec, message] of wrong) {
      expect(() => gradientTraining(linear(), spec, options)).toThrow(LearnOptionError);
      expect(() => gradientTraining(linear(), spec, options)).toThrow(message);
    }
  });

  it("refuses a checkpoint of another kind or model, and a damaged one", () => {
    const checkpoint = gradientTraining(linear(), ALGORITHM_1, options).session.checkpoint();
    const resume =
      (spec: GradientSpec, given: typeof checkpoint, inputs = INPUTS) =>
      () =>
        gradientTraining(linear(inputs), spec, { ...options, checkpoint: given });
    expect(resume(ALGORITHM_1, checkpoint)).not.toThrow();
    expect(resume(COMPRESSION, checkpoint)).toThrow(ResumeMismatchError);
    expect(resume(ALGORITHM_1, checkpoint, 13)).toThrow(ResumeMismatchError);
    const bytes = checkpoint.optimizer;
    const unreadable = bytes.slice().fill(0x78, 8, 12);
    for (const optimizer of [bytes.slice(1), bytes.slice(0, 4), bytes.slice(0, 20), unreadable]) {
      expect(resume(ALGORITHM_1, { ...checkpoint, optimizer })).toThrow(
        expect.objectContaining({ code: "EF_CHECKPOINT_CORRUPT" }),
      );
    }
  });
});
