/** What late labels mean in a run of strategies. */
import { createState, type ModelState, numeric, type Sample, stateLayout } from "@everfresh/core";
import type { StepResult, TrainingBatch } from "@everfresh/engine";
import { delayedLabels, memoryHistory } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import { compareStrategies } from "./compare-strategies.ts";
import { runOptions } from "./strategy-run.fixture.ts";
import type { ComparedStrategy } from "./strategy-run-options.ts";
import { proactive } from "./strategy-spec.ts";

const CLASSES = 5;
const t = 8;
const SIZE = 150;

/** Answers with the number of steps that the state has seen, modulo the classes. */
class CountingSession {
  readonly state: ModelState = createState(
    stateLayout([{ name: "steps", role: "parameter", dtype: "float32", shape: [1] }]),
  );
  readonly batches: (readonly number[])[] = [];

  step({ inputs, size }: TrainingBatch): Promise<StepResult> {
    this.batches.push([...inputs]);
    this.state.parameters[0] = (this.state.parameters[0] ?? 0) + 1;
    return Promise.resolve({ loss: size, stepMs: 1 });
  }

  predict({ parameters }: ModelState, _: Float32Array, size: number): Promise<Float32Array> {
    const answer = (parameters[0] ?? 0) % CLASSES;
    const logits = Float32Array.from({ length: size * CLASSES }, (_, i) =>
      i % CLASSES === answer ? 1 : 0,
    );
    return Promise.resolve(logits);
  }

  checkpoint(): never {
    throw new Error("nobody asks for it");
  }

  restore(): never {
    throw new Error("nobody asks for it");
  }
}

/** Sample n: its number, and as its label what a state answers that has seen so many steps. */
function sampleOf(n: number, steps: number): Sample {
  return { id: `${n}`, eventTimeMs: n, features: Float32Array.of(n), label: steps % CLASSES };
}

describe.each([0, 1, 7, 8, 50])("labels that are %i samples late", (lag) => {
  // Label j comes right after sample j + lag: when sample n arrives, those below n − lag are there.
  const stepsBefore = (n: number): number => Math.floor(Math.max(0, n - lag) / t);
  const samples = Array.from({ length: SIZE }, (_, n) => sampleOf(n, stepsBefore(n)));

  async function run(sampler: "none" | "uniform") {
    const session = new CountingSession();
    const spec = proactive({ triggerSize: t, batchSize: 24, sampler: { kind: sampler } });
    const strategies: readonly ComparedStrategy[] = [{ name: "counting", spec, session }];
    const history = memoryHistory();
    const stored: number[] = [];
    const options = await runOptions({
      strategies,
      history,
      preprocessing: numeric(1),
      evaluation: { target: { kind: "classes", count: CLASSES } },
      lagSamples: lag,
      onIteration: () => {
        stored.push(history.count());
      },
    });
    const [standing] = await compareStrategies({ ...options, stream: samples });
    return { standing, session, stored };
  }

  it("score the predictions that were made when the samples arrived", async () => {
    const { standing } = await run("uniform");
    expect(standing?.states[0]?.scores).toMatchObject({
      samples: SIZE,
      cumulative: { accuracy: 1 },
    });
  });

  it("are what the baselines know, and not before they have arrived", async () => {
    const { standing } = await run("uniform");
    // The same by the events of a stream whose labels are late.
    let [last, right] = [-1, 0];
    for await (const event of delayedLabels(asStream(samples), lag)) {
      if (event.kind === "label") last = event.label;
      else right += last === event.sample.label ? 1 : 0;
    }
    expect(standing?.states[0]?.scores.cumulative.noChangeAccuracy).toBe(right / SIZE);
  });

  it("bring their samples into the history, where they are new then", async () => {
    const { session, stored } = await run("none");
    const fresh = session.batches.flat();
    expect(fresh).toEqual(Array.from({ length: SIZE }, (_, n) => n));
    expect(stored.slice(0, -1)).toEqual(stored.slice(0, -1).map((_, i) => t * (i + 1)));
    const old = (await run("uniform")).session.batches.map((batch) => batch.slice(t));
    old.slice(0, -1).forEach((batch, i) => {
      expect(batch.every((n) => n < t * i)).toBe(true);
    });
  });
});

async function* asStream(samples: readonly Sample[]): AsyncGenerator<Sample, void, void> {
  await Promise.resolve();
  yield* samples;
}
