/** The loop on the real engine and a real stream. */
import { deployCopy, image, systemClock } from "@everfresh/core";
import { adam, lenet5, mlp, type Model, openTrainingSession } from "@everfresh/engine";
import { digits, type History, memoryHistory } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import { deployedAt } from "./checkpoint-store.ts";
import { heldOutScore } from "./evaluate/held-out.ts";
import type { Score } from "./evaluate/prequential.ts";
import { LiveEvaluation } from "./evaluate/live-evaluation.ts";
import type { Journal } from "./journal/journal.ts";
import { memoryJournal } from "./journal/memory-journal.ts";
import { MemoryCheckpointStore } from "./memory-checkpoint-store.ts";
import { MemoryPublisher } from "./memory-publisher.ts";
import { topK } from "./sparsifiers/top-k.ts";
import type { StepReport } from "./step-report.ts";
import { proactive } from "./strategies/strategy-spec.ts";
import { trainContinuously } from "./trainer.ts";

const PREPROCESSING = image({ width: 28, height: 28, mean: [0.1307], std: [0.3081] });

interface Stores {
  readonly history: History;
  readonly publisher: MemoryPublisher;
  readonly checkpoints: MemoryCheckpointStore;
  readonly journal: Journal;
}

interface Outcome {
  readonly last: StepReport;
  readonly heldOut: Score;
}

function emptyStores(): Stores {
  return {
    history: memoryHistory(),
    publisher: new MemoryPublisher(),
    checkpoints: new MemoryCheckpointStore(),
    journal: memoryJournal(),
  };
}

/** A process that trains up to a step, from the last checkpoint in the stores if there is one. */
async function train(
  model: Model,
  stores: Stores,
  options: { readonly seed: number; readonly steps: number },
): Promise<Outcome> {
  const { seed, steps } = options;
  const resume = await stores.checkpoints.latest();
  await using session = await openTrainingSession(model, {
    optimizer: adam({ learningRate: 1e-3 }),
    batchSize: 64,
    ...(resume === null ? {} : { checkpoint: resume.training }),
  });
  const deployed =
    resume === null ? deployCopy(model.state, 0) : deployedAt(resume, model.state.layout);
  let last: StepReport | undefined;
  for await (const report of trainContinuously({
    model,
    session,
    source: digits({ seed }),
    ...stores,
    preprocessing: PREPROCESSING,
    strategy: proactive({ triggerSize: 8, batchSize: 64 }),
    seed,
    evaluation: new LiveEvaluation({
      ...{ classes: 10, frozen: model.state },
      checkpoint: resume?.evaluation ?? undefined,
    }),
    sparsifier: topK({ ratio: 0.01, valueType: "float16" }),
    deployed,
    clock: systemClock,
    maxSteps: steps,
    ...(resume === null ? {} : { resume }),
  })) {
    last = report;
  }
  if (last === undefined) throw new Error("no step was made");
  deployed.verify();
  const heldOut = await heldOutScore({
    session,
    state: deployed.state,
    source: digits({ seed: seed + 1 }),
    preprocessing: PREPROCESSING,
    limit: 256,
  });
  return { last, heldOut };
}

/** The last checkpoint, but for what was measured. */
async function timeless({ checkpoints }: Stores) {
  const latest = await checkpoints.latest();
  const strategy = { ...latest?.strategy.checkpoint, intake: null, budget: null };
  return { ...latest, strategy, costs: null };
}

describe("the loop on the engine", () => {
  it("trains LeNet-5 on digits: the deployed copy leaves chance far behind", async () => {
    const model = lenet5({ seed: 1 });
    const stores = emptyStores();
    const { last, heldOut } = await train(model, stores, { seed: 1, steps: 80 });
    expect(last.deployed.windowAccuracy).toBeGreaterThan(0.25);
    expect(heldOut.accuracy).toBeGreaterThan(0.4);
    // A replica that has nothing but the first state and the log is where the trainer is.
    const replica = deployCopy(model.state, 0);
    for (const update of stores.publisher.log) replica.apply(update);
    expect(replica.fingerprint).toBe(last.fingerprint);
  });

  it("comes to the same bits with the same seed, in one run or in two, to others with another", async () => {
    const model = (): Model => mlp({ inputs: 784, hidden: [32], outputs: 10, seed: 3 });
    const [whole, again, halves] = [emptyStores(), emptyStores(), emptyStores()];
    const { last } = await train(model(), whole, { seed: 3, steps: 20 });
    await train(model(), again, { seed: 3, steps: 20 });
    expect(again.publisher.log).toEqual(whole.publisher.log);

    await train(model(), halves, { seed: 3, steps: 9 });
    const resumed = await train(model(), halves, { seed: 3, steps: 20 });
    expect(halves.publisher.log).toEqual(whole.publisher.log);
    expect(await timeless(halves)).toEqual(await timeless(whole));
    expect(resumed.last.fingerprint).toBe(last.fingerprint);
    expect(resumed.last.trained).toEqual(last.trained);

    const other = await train(model(), emptyStores(), { seed: 4, steps: 20 });
    expect(other.last.fingerprint).not.toBe(last.fingerprint);
  });
});
