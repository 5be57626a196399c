import { ManualClock } from "@everfresh/core";
import { memoryHistory } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import { LearnOptionError } from "../../errors.ts";
import { points } from "../../points.fixture.ts";
import { countOf, type Iteration } from "../../strategies/iteration.ts";
import type { Strategy } from "../../strategies/strategy.ts";
import { strategyOf } from "../../strategies/strategy-of.ts";
import { proactive } from "../../strategies/strategy-spec.ts";
import type { VerdictEvent } from "../../triggers/trigger.ts";
import type { DriftResponse } from "./response-spec.ts";

const PAST = 400;
const CLASSES = 3;

const history = memoryHistory();
for await (const sample of points({ size: 3_000, inputs: 2, classes: CLASSES }).read()) {
  await history.append([sample]);
}

function answering(response: DriftResponse): Strategy {
  const spec = proactive({ triggerSize: 8, batchSize: 64, response });
  return strategyOf(spec, { seed: 3, clock: new ManualClock(), history, past: PAST });
}

/** Lets so many samples arrive, and performs what is due. */
async function arrive(strategy: Strategy, samples: number): Promise<readonly Iteration[]> {
  const iterations: Iteration[] = [];
  for (let i = 0; i < samples; i++) {
    strategy.on({ kind: "arrived", samples: 1 });
    while (strategy.decide().isDue) {
      const next = await strategy.next();
      if (next !== null) iterations.push(next);
      strategy.on({ kind: "ended", samples: 1, durationMs: 1 });
    }
  }
  return iterations;
}

/** The positions that were drawn, without the new samples. */
function drawn(iterations: readonly Iteration[]): readonly number[] {
  return iterations.flatMap((each) =>
    each.kind === "step" ? each.positions.slice(each.fresh) : [],
  );
}

function drift(strategy: Strategy, event: Partial<VerdictEvent> = {}): void {
  strategy.on({ kind: "verdict", verdict: "drift", ...event });
}

describe("a window since the change", () => {
  const window = { kind: "window", samplesMin: 80 } as const;

  it("is all that is drawn from, with the newest samples that there always are", async () => {
    const strategy = answering({ onDrift: window });
    expect(Math.min(...drawn(await arrive(strategy, 80)))).toBeLessThan(40);
    drift(strategy, { since: 470 });
    const early = await arrive(strategy, 40);
    // 80 of them at least, in strides of ten.
    expect(Math.min(...drawn(early))).toBeGreaterThanOrEqual(480 - 80);
    expect(Math.min(...drawn(early))).toBeLessThan(470);
    const later = drawn(await arrive(strategy, 600));
    expect(Math.min(...later.slice(-2_000))).toBe(470);
    expect(strategy.action).toMatchObject({ kind: "window", range: { from: 470, to: 480 } });
    expect(strategy.action?.why).toContain("position 470");
  });

  it("ends where it is to end, and moves with the next drift", async () => {
    const strategy = answering({ onDrift: { ...window, forSamples: 160 } });
    drift(strategy, { since: PAST });
    await arrive(strategy, 80);
    drift(strategy, { since: 470 });
    expect(Math.min(...drawn((await arrive(strategy, 160)).slice(10)))).toBe(470);
    expect(Math.min(...drawn(await arrive(strategy, 80)))).toBeLessThan(40);
  });

  it("waits for labels to confirm what they have not, and acts once", async () => {
    const strategy = answering({ onDrift: window });
    drift(strategy, { since: 405, record: 1, outcome: "open" });
    expect(strategy.action?.kind).toBe("warn");
    await arrive(strategy, 240);
    drift(strategy, { since: 405, record: 1, outcome: "confirmed" });
    const { action } = strategy;
    expect(action?.kind).toBe("window");
    await arrive(strategy, 80);
    drift(strategy, { since: 700, record: 1, outcome: "confirmed" });
    expect(strategy.action).toBe(action);
  });

  it("is undone where labels do not confirm what was acted on", async () => {
    const strategy = answering({ onDrift: window, actsUnconfirmed: true });
    drift(strategy, { since: 405, record: 1, outcome: "open" });
    await arrive(strategy, 240);
    drift(strategy, { record: 1, outcome: "withdrawn" });
    expect(strategy.action).toMatchObject({ kind: "nothing", range: null });
    expect(Math.min(...drawn(await arrive(strategy, 80)))).toBeLessThan(40);
  });

  it("stays when a warning that came later is withdrawn", async () => {
    const strategy = answering({ onDrift: window });
    drift(strategy, { since: 405, record: 1 });
    strategy.on({ kind: "verdict", verdict: "warning", record: 2 });
    strategy.on({ kind: "verdict", verdict: "warning", record: 2, outcome: "withdrawn" });
    await arrive(strategy, 240);
    expect(Math.min(...drawn(await arrive(strategy, 240)))).toBe(405);
  });
});

describe("other answers to drift", () => {
  it("newData raises the share of new samples for a while", async () => {
    const strategy = answering({
      onDrift: { kind: "newData", triggerSize: 32, forSamples: 100 },
    });
    await arrive(strategy, 83);
    drift(strategy);
    const fresh = (await arrive(strategy, 160)).map((each) => each.fresh);
    // 80 are past at the verdict: those of the steps until 180 are.
    expect(fresh).toEqual([32, 32, 32, 32, 8, 8, 8, 8]);
    expect(strategy.counters()).toMatchObject({ arrived: 243, taken: 80 + 4 * 32 + 4 * 8 });
  });

  it("rewarm starts the optimizer anew with the next step, and no other", async () => {
    const strategy = answering({ onDrift: { kind: "rewarm" } });
    drift(strategy);
    const rewarmed = (await arrive(strategy, 32)).map((each) =>
      each.kind === "step" ? (each.isRewarmed ?? false) : null,
    );
    expect(rewarmed).toEqual([true, false, false, false]);
  });

  it("retrain waits for its samples, takes its steps, and draws no others from then on", async () => {
    const strategy = answering({ onDrift: { kind: "retrain", steps: 20, samplesMin: 96 } });
    await arrive(strategy, 40);
    drift(strategy, { since: 424 });
    const iterations = await arrive(strategy, 200);
    const at = iterations.findIndex(({ kind }) => kind === "retraining");
    // Of position 424 to 520, in 2 batches of 64 for an epoch.
    expect(iterations[at]).toMatchObject({
      ...{ past: 520, fresh: 0, start: "warm", epochs: 10, stepsMax: 20 },
      samples: [{ from: 424, to: 520 }],
    });
    expect(iterations.filter(({ kind }) => kind === "retraining")).toHaveLength(1);
    expect(Math.min(...drawn(iterations.slice(at)))).toBeGreaterThanOrEqual(420);
    expect(Math.min(...drawn(iterations.slice(at + 3)))).toBe(424);
  });

  it("retrain may choose samples of some classes only", async () => {
    const onDrift = { kind: "retrain", steps: 1, samplesMin: 8, classes: [0, 2] } as const;
    const strategy = answering({ onDrift });
    await arrive(strategy, 80);
    drift(strategy, { since: 420 });
    expect(strategy.action).toMatchObject({ filter: "only classes 0, 2", range: { from: 420 } });
    const [iteration] = await arrive(strategy, 1);
    if (iteration?.kind !== "retraining") throw new Error("a retraining is due");
    const facts = await history.facts(420, 480);
    const wanted = facts.flatMap(({ label }, i) => (label === 1 ? [] : [420 + i]));
    const chosen = iteration.samples.flatMap(({ from, to }) =>
      Array.from({ length: to - from }, (_, i) => from + i),
    );
    expect(chosen).toEqual(wanted);
    expect(countOf(iteration.samples)).toBeLessThan(60);
  });

  it("rollBack and nothing leave the training alone", async () => {
    for (const kind of ["rollBack", "nothing"] as const) {
      const [strategy, other] = [answering({ onDrift: { kind } }), answering({})];
      drift(strategy, { since: 390 });
      expect(strategy.action).toMatchObject({ kind, range: { from: 390, to: 400 } });
      expect(await arrive(strategy, 80)).toEqual(await arrive(other, 80));
    }
  });

  it("are refused where their numbers do not fit", () => {
    const wrong: readonly DriftResponse[] = [
      { onDrift: { kind: "newData", triggerSize: 65 } },
      { onWarning: { kind: "window", samplesMin: -1 } },
      { onDrift: { kind: "window", forSamples: 0.5 } },
      { onDrift: { kind: "retrain", steps: 0 } },
      { onDrift: { kind: "retrain", steps: 1, samplesMin: 0 } },
      { onDrift: { kind: "retrain", steps: 1, classes: [] } },
      { onDrift: { kind: "retrain", steps: 1, classes: [-1] } },
    ];
    for (const response of wrong) expect(() => answering(response)).toThrow(LearnOptionError);
  });
});
