/** The loop with labels that come later than their samples. */
import { deployCopy } from "@everfresh/core";
import type { LabelEvent, Prediction, Source } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import type { DriftSpec } from "./drift/monitor/drift-spec.ts";
import { ClassBaselines } from "./evaluate/baselines.ts";
import { LiveEvaluation } from "./evaluate/live-evaluation.ts";
import { linearModel, LinearSession } from "./linear-session.fixture.ts";
import { points } from "./points.fixture.ts";
import { emptyStores, optionsOn, run, samplesOf, type Stores } from "./trainer.fixture.ts";

const LAG = 20;

/** Notes what a join is told of. */
function noting(stores: Stores): { readonly stores: Stores; readonly events: LabelEvent[] } {
  const events: LabelEvent[] = [];
  const join = new Proxy(stores.join, {
    get: (target, name) => {
      if (name !== "take") {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      }
      return async (taken: readonly LabelEvent[]) => {
        await target.take(taken);
        events.push(...taken);
      };
    },
  });
  return { stores: { ...stores, join }, events };
}

const predictionsIn = (events: readonly LabelEvent[]): readonly Prediction[] =>
  events.flatMap((event) => (event.kind === "predicted" ? [event.prediction] : []));

describe("late labels", () => {
  it("score what every state answered when the sample arrived, and are learned then", async () => {
    const { stores, events } = noting(emptyStores());
    const options = await optionsOn(stores, { lagSamples: LAG, maxSteps: 30 });
    const reports = await run(options);
    const predictions = predictionsIn(events);
    expect(predictions.map(({ id }) => id)).toEqual(predictions.map((_, n) => `points-${n}`));
    // The first step needs 8 labels, the last of which comes with sample 27.
    expect(predictions.filter(({ version }) => version === 0)).toHaveLength(LAG + 8);
    expect(reports.map(({ samples }) => samples)).toEqual(reports.map((_, i) => 8 * (i + 1)));
    const stream = await samplesOf(stores);
    expect(stream.map(({ id }) => id)).toEqual(stream.map((_, n) => `points-${n}`));
    expect(stores.join.stats().lagSamples).toMatchObject({ mean: LAG, max: LAG });

    // Each version answers again as it did then; the answers give the scores.
    const session = new LinearSession(linearModel(12, 4));
    const replica = deployCopy(session.state, 0);
    const frozen = linearModel(12, 4).state;
    const scored = new LiveEvaluation({ classes: 4, frozen });
    const known = new ClassBaselines(4);
    for (const [n, { version, features, outputs, noChange, majority }] of predictions.entries()) {
      while (replica.version < version) replica.apply(stores.publisher.log[replica.version]!);
      const inputs = Float32Array.from(features);
      expect(outputs.subarray(4, 8)).toEqual(await session.predict(replica.state, inputs, 1));
      expect(outputs.subarray(8)).toEqual(await session.predict(frozen, inputs, 1));
      // With sample n the label of sample n − 20 comes, after it.
      expect({ noChange, majority }).toEqual(known.predict());
      const labelled = stream[n - LAG];
      if (labelled === undefined) continue;
      known.learn(labelled.label);
      const own = predictions[n - LAG]!;
      scored.record({ label: labelled.label, outputs: own.outputs, answers: own });
    }
    expect(options.evaluation.scores()).toEqual(scored.scores());
  });

  it("come at the end of the stream for the samples that are still without", async () => {
    const stores = emptyStores();
    const options = await optionsOn(stores, { lagSamples: LAG, size: 60 });
    const reports = await run(options);
    expect(reports.at(-1)?.samples).toBe(60);
    expect(stores.join.stats()).toMatchObject({ pending: 0, joined: 60 });
    expect(options.evaluation.scores().deployed.samples).toBe(60);
  });

  it("are let go of once a checkpoint knows their scores, and not before", async () => {
    const stores = emptyStores();
    const latest: typeof stores.checkpoints.latest = () => stores.checkpoints.latest();
    const options = await optionsOn(stores, { lagSamples: 3, checkpointEvery: 4, maxSteps: 7 });
    const save: typeof stores.checkpoints.save = (checkpoint) =>
      checkpoint.step === 7
        ? Promise.reject(new Error("crash"))
        : stores.checkpoints.save(checkpoint);
    await expect(run({ ...options, checkpoints: { latest, save } })).rejects.toThrow("crash");
    await expect(stores.join.joined(31, 40)).rejects.toThrow(RangeError);
    expect(await stores.join.joined(32, stores.join.joinedCount())).not.toHaveLength(0);
    const resumed = await optionsOn(stores, { lagSamples: 3, maxSteps: 7 });
    await run(resumed);
    expect(resumed.evaluation.scores().trained.samples).toBe(56);
  });

  it.each([false, true])(
    "let a source that keeps samples forget those that are not read again, watched: %s",
    async (isWatched) => {
      const stores = emptyStores();
      const all = points({ size: 400, inputs: 12, classes: 4 });
      const source: Source = {
        ...all,
        read: (how = {}) => {
          expect(how.from).toBeGreaterThanOrEqual(stores.inbox.released());
          return all.read(how);
        },
        release: (to) => stores.inbox.release(to),
      };
      const watched = { signals: [{ name: "errors", input: "errors", detector: { kind: "ddm" } }] };
      const options = {
        ...{ source, lagSamples: LAG, checkpointEvery: 3 },
        ...(isWatched ? { watched: watched as DriftSpec } : {}),
      };
      let released = 0;
      for (const maxSteps of [7, 15, 20]) {
        await run(await optionsOn(stores, { ...options, maxSteps }));
        expect(stores.inbox.released()).toBeGreaterThan(released);
        released = stores.inbox.released();
        // What waits for its label is read again, and no more.
        const { predicted } = stores.join.stats();
        expect(released).toBe(predicted - LAG);
      }
    },
  );
});
