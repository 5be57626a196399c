/** Strategies side by side, where preprocessing learns: each has statistics of its own. */
import { pipeline, preprocessorOf, statisticsIn } from "@everfresh/core";
import { type Model, withStatistics } from "@everfresh/engine";
import { describe, expect, it } from "vitest";
import { LinearSession } from "../linear-session.fixture.ts";
import { batchReader } from "./batch-reader.ts";
import type { ComparedStrategy } from "./strategy-run-options.ts";
import { PAST, pastOf, pointsModel, runOptions, streamed } from "./strategy-run.fixture.ts";
import { StrategyRun } from "./strategy-run.ts";
import type { StrategyRunCheckpoint } from "./strategy-run-checkpoint.ts";
import { fullRetraining, online, proactive, type StrategySpec } from "./strategy-spec.ts";

const SPEC = pipeline({
  raw: { kind: "numbers", columns: ["a", "b", "c", "d", "e", "f"] },
  branches: [{ steps: [{ kind: "standardise" }] }],
});
const PREPROCESSOR = preprocessorOf(SPEC);
// Of a model it takes the state alone.
const { state } = withStatistics(pointsModel as unknown as Model, PREPROCESSOR);

const STRATEGIES: Readonly<Record<string, StrategySpec>> = {
  frozen: { kind: "frozen" },
  online: online({ batchSize: 8 }),
  proactive: proactive({ triggerSize: 4, batchSize: 16 }),
  cold: fullRetraining({
    ...{ trigger: { kind: "byCount", samples: 30 }, epochs: 1, batchSize: 16, start: "cold" },
  }),
};

type Lane = ComparedStrategy & { readonly session: LinearSession };

const lanes = (names: readonly string[], stored?: StrategyRunCheckpoint): Lane[] =>
  names.map((name) => ({
    name,
    spec: STRATEGIES[name]!,
    session: new LinearSession(
      { ...pointsModel, state },
      stored?.strategies.find((lane) => lane.name === name)?.training,
    ),
  }));

/** What every strategy has come to after some samples, or, stopped on the way, after the others. */
async function learned(names: readonly string[], stopAt = 0) {
  const history = await pastOf(PAST);
  const base = { history, preprocessing: SPEC, features: { tolerance: 0.2 } };
  let strategies = lanes(names);
  let run = new StrategyRun(await runOptions({ ...base, strategies }));
  for (const [i, sample] of (await streamed(PAST, 80)).entries()) {
    if (i === stopAt && i > 0) {
      const checkpoint = await run.checkpoint();
      strategies = lanes(names, checkpoint);
      run = new StrategyRun(await runOptions({ ...base, strategies, checkpoint }));
    }
    await run.arrive(sample);
  }
  await run.finish();
  return new Map(strategies.map(({ name, session }) => [name, session.checkpoint().state]));
}

describe("strategies on a stream whose features are preprocessed by what was learned of it", () => {
  it("learn as each does alone, and go on from a checkpoint made anywhere", async () => {
    const names = Object.keys(STRATEGIES);
    const together = await learned(names);
    for (const name of names) {
      expect((await learned([name])).get(name)).toEqual(together.get(name));
    }
    for (const stopAt of [3, 40, 61]) expect(await learned(names, stopAt)).toEqual(together);
  });

  it("know the past, and all samples that came to training", async () => {
    const strategies = lanes(["frozen", "proactive", "cold"]);
    const history = await pastOf(PAST);
    const run = new StrategyRun(await runOptions({ history, preprocessing: SPEC, strategies }));
    for (const sample of await streamed(PAST, 60)) await run.arrive(sample);
    await run.finish();
    const counts = strategies.map(({ session }) => {
      const [count] = statisticsIn(session.state, PREPROCESSOR.statistics);
      return count?.[0];
    });
    expect(counts).toEqual([PAST, PAST + 60, PAST + 60]);
  });

  it("do not share a reader, which could follow only one of them", async () => {
    const history = await pastOf(PAST);
    const options = await runOptions({
      ...{ history, preprocessing: SPEC, strategies: lanes(["online"]) },
      batches: batchReader(history, SPEC),
    });
    expect(() => new StrategyRun(options)).toThrow(/left out where preprocessing is a pipeline/);
  });
});
