/** Four strategies side by side on the real engine and a real stream. */
import { image, type Sample, systemClock } from "@everfresh/core";
import { adam, mlp, openTrainingSession } from "@everfresh/engine";
import { digits, memoryHistory } from "@everfresh/streams";
import { expect, it } from "vitest";
import { compareStrategies } from "./compare-strategies.ts";
import type { StrategyStanding } from "./strategy-run-options.ts";
import { frozen, fullRetraining, online, proactive, type StrategySpec } from "./strategy-spec.ts";

const PAST = 300;
const SIZE = 660;
const b = 64;
const PREPROCESSING = image({ width: 28, height: 28, mean: [0.1307], std: [0.3081] });

const SPECS: Readonly<Record<string, StrategySpec>> = {
  frozen: frozen(),
  online: online({ batchSize: b }),
  "PR-8": proactive({ triggerSize: 8, batchSize: b }),
  "full retraining": fullRetraining({
    trigger: { kind: "byCount", samples: 200 },
    start: "cold",
    epochs: 4,
    batchSize: b,
  }),
};

const samples: Sample[] = [];
for await (const sample of digits({ seed: 3, size: PAST + SIZE }).read()) samples.push(sample);

/** The strategies of these names, each with a session of its own. */
async function compared(names: readonly string[]): Promise<{
  readonly standings: readonly StrategyStanding[];
  readonly states: readonly Uint8Array[];
}> {
  const model = mlp({ inputs: 784, hidden: [24], outputs: 10, seed: 1 });
  await using stack = new AsyncDisposableStack();
  const strategies = [];
  for (const name of names) {
    const options = { optimizer: adam(), batchSize: b, plan: { workers: 1 } };
    const session = stack.use(await openTrainingSession(model, options));
    strategies.push({ name, spec: SPECS[name] ?? frozen(), session });
  }
  const history = memoryHistory();
  await history.append(samples.slice(0, PAST));
  const standings = await compareStrategies({
    strategies,
    history,
    preprocessing: PREPROCESSING,
    evaluation: { target: { kind: "classes", count: 10 } },
    seed: 1,
    clock: systemClock,
    stream: samples.slice(PAST),
  });
  return { standings, states: strategies.map(({ session }) => session.checkpoint().state) };
}

it("strategies on one stream learn in the order that is known of them, and as each does alone", async () => {
  const { standings, states } = await compared(Object.keys(SPECS));
  const accuracyOf = (name: string): number => {
    const standing = standings.find((each) => each.name === name);
    return standing?.states[0]?.scores.cumulative.accuracy ?? Number.NaN;
  };
  expect(accuracyOf("frozen")).toBeLessThan(0.3);
  expect(accuracyOf("online")).toBeGreaterThan(accuracyOf("frozen") + 0.1);
  expect(accuracyOf("PR-8")).toBeGreaterThan(accuracyOf("online") + 0.1);
  expect(accuracyOf("full retraining")).toBeGreaterThan(accuracyOf("frozen") + 0.1);
  const steps = standings.map(({ costs }) => [costs.steps, costs.samples]);
  // Retrained on 500, 700 and 900 samples.
  const retrained = [4 * (8 + 11 + 15), 4 * (500 + 700 + 900)];
  // The last chunks are short: 20 samples online, 4 new ones with t = 8.
  expect(steps).toEqual([[0, 0], [11, 660], [83, 82 * 64 + 60], retrained]);
  for (const { costs } of standings.slice(1)) {
    expect(costs.trainSeconds).toBeGreaterThan(0);
    expect(costs.preprocessSeconds).toBeGreaterThan(0);
    expect(costs.evaluateSeconds).toBeGreaterThan(0);
  }
  const alone = await compared(["PR-8"]);
  expect(alone.states).toEqual([states[2]]);
  expect(alone.standings[0]?.states).toEqual(standings[2]?.states);
});
