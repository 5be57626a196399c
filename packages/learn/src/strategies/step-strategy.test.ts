import { ManualClock, Random, streamOf } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import type { PositionRange } from "../samplers/excluding.ts";
import { madeFacts } from "../samplers/sampler.conformance.ts";
import type { SamplerSpec } from "../samplers/sampler-spec.ts";
import { drawUniform } from "../samplers/uniform.ts";
import { type Choose, oracleBatches } from "./batch-oracle.fixture.ts";
import type { StepIteration } from "./iteration.ts";
import type { Strategy } from "./strategy.ts";
import { strategyOf } from "./strategy-of.ts";
import { online, proactive, type ProactiveSpec, type StrategySpec } from "./strategy-spec.ts";

const SEED = 11;
const PAST = 200;

function opened(
  spec: StrategySpec,
  options: { readonly clock?: ManualClock; readonly excluded?: readonly PositionRange[] } = {},
): Strategy {
  const facts = (from: number, to: number) => Promise.resolve(madeFacts(from, to));
  const { clock = new ManualClock(), excluded = [] } = options;
  return strategyOf(spec, { seed: SEED, clock, history: { facts }, past: PAST, excluded });
}

/** Performs what is due. */
async function train(strategy: Strategy, atEnd = false): Promise<readonly StepIteration[]> {
  const iterations: StepIteration[] = [];
  for (let next = await strategy.next(atEnd); next !== null; next = await strategy.next(atEnd)) {
    if (next.kind === "step") iterations.push(next);
    strategy.on({ kind: "ended", samples: 1, durationMs: 1 });
  }
  return iterations;
}

/** The iterations of a stream that ends at `size` samples, which arrive one by one. */
async function stream(strategy: Strategy, size: number): Promise<readonly StepIteration[]> {
  const iterations: StepIteration[] = [];
  for (let at = PAST; at < size; at++) {
    strategy.on({ kind: "arrived", samples: 1 });
    iterations.push(...(await train(strategy)));
  }
  return [...iterations, ...(await train(strategy, true))];
}

/** The numbers that a sampler of the seed would draw. */
function chooser(): Choose {
  const random = new Random(SEED, streamOf("strategy"));
  return (count, low, high) => drawUniform(random, count, high - low).map((at) => low + at);
}

describe("the batches of proactive training", () => {
  const b = 128;
  const samplers: readonly { sampler: SamplerSpec; window: number; alwaysIncludeNew: boolean }[] = [
    { sampler: { kind: "uniform" }, window: 0, alwaysIncludeNew: true },
    { sampler: { kind: "window", samples: 150 }, window: 150, alwaysIncludeNew: true },
    // Wider than the history at first.
    { sampler: { kind: "window", samples: 205 }, window: 205, alwaysIncludeNew: true },
    {
      sampler: { kind: "newOnlyByChance", from: { kind: "uniform" } },
      window: 0,
      alwaysIncludeNew: false,
    },
  ];
  const cases = samplers.flatMap((each) =>
    [1, 8, 64, b].map((triggerSize) => ({ ...each, triggerSize })),
  );

  it.each(cases)(
    "are those of Prapas et al. with t = $triggerSize, $sampler, the short last chunk included",
    async ({ sampler, triggerSize, window, alwaysIncludeNew }) => {
      const size = PAST + 5 * triggerSize + Math.floor(triggerSize / 3);
      const strategy = opened(proactive({ triggerSize, batchSize: b, sampler }));
      const options = { size, past: PAST, triggerSize, batchSize: b, window, alwaysIncludeNew };
      const expected = [...oracleBatches(options, chooser())];
      const iterations = await stream(strategy, size);
      expect(iterations.map(({ positions }) => positions)).toEqual(expected);
      expect(expected.length).toBe(Math.ceil((size - PAST) / triggerSize));
    },
  );

  it("have b past samples and no new one with t = 0, from all that there are then", async () => {
    const trigger = { kind: "byCount", samples: 8 } as const;
    const strategy = opened(proactive({ triggerSize: 0, batchSize: b, trigger }));
    const choose = chooser();
    const iterations = await stream(strategy, PAST + 43);
    expect(iterations.map(({ positions }) => positions)).toEqual(
      [8, 16, 24, 32, 40].map((arrived) => choose(b, 0, PAST + arrived)),
    );
    expect(iterations.map(({ past, skipped, fresh }) => [past, skipped, fresh])).toEqual(
      [0, 8, 16, 24, 32].map((arrived) => [PAST + arrived, 8, 0]),
    );
  });

  it("have every new sample once and nothing else in online training", async () => {
    const iterations = await stream(opened(online({ batchSize: b })), PAST + 300);
    expect(iterations.map(({ positions }) => positions.length)).toEqual([b, b, 44]);
    expect(iterations.flatMap(({ positions }) => positions)).toEqual(
      Array.from({ length: 300 }, (_, i) => PAST + i),
    );
  });

  it("leave out excluded positions, and are otherwise those of a history without them", async () => {
    const excluded = [
      { from: 20, to: 60 },
      { from: 50, to: 90 },
    ];
    const spec = proactive({ triggerSize: 8, batchSize: 32 });
    const iterations = await stream(opened(spec, { excluded }), PAST + 80);
    const choose = chooser();
    const expected = iterations.map(({ past }) =>
      choose(24, 0, past - 70).map((at) => (at < 20 ? at : at + 70)),
    );
    expect(iterations.map(({ positions }) => positions.slice(8))).toEqual(expected);
  });
});

describe("t = 0", () => {
  it("needs something that paces its steps", () => {
    const spec: ProactiveSpec = proactive({ triggerSize: 0, batchSize: 16 });
    expect(() => opened(spec)).toThrow("to pace the steps of triggerSize 0");
    const trigger = { kind: "byCount", samples: 1 } as const;
    const none = { kind: "none" } as const;
    expect(() => opened({ ...spec, trigger, sampler: none })).toThrow("one that draws");
  });

  it("is paced by budgets, whether samples arrive or not, and says when the next step may begin", async () => {
    const clock = new ManualClock(5_000);
    const budgets = [{ kind: "everyMs", ms: 100 }] as const;
    const strategy = opened(proactive({ triggerSize: 0, batchSize: 16, budgets }), { clock });
    expect(await train(strategy)).toHaveLength(1);
    expect(strategy.decide()).toMatchObject({ isDue: false, waitMs: 100 });
    strategy.on({ kind: "arrived", samples: 1_000 });
    clock.advance(50);
    expect(strategy.decide()).toMatchObject({ isDue: false, waitMs: 50 });
    clock.advance(50);
    expect(await train(strategy)).toMatchObject([{ past: PAST, skipped: 1_000, fresh: 0 }]);
    expect(strategy.counters()).toMatchObject({ arrived: 1_000, skipped: 1_000, waiting: 0 });
  });

  it("is paced by time, and says that it wants to be asked again", async () => {
    const clock = new ManualClock(5_000);
    const trigger = { kind: "byTime", everyMs: 1_000, of: "clock" } as const;
    const strategy = opened(proactive({ triggerSize: 0, batchSize: 16, trigger }), { clock });
    const { isDue, waitMs } = strategy.decide();
    expect(isDue).toBe(false);
    expect(waitMs).toBeGreaterThan(0);
    clock.advance(1_000);
    expect(await train(strategy)).toHaveLength(1);
  });

  it("waits while there is nothing that may be drawn", async () => {
    const excluded = [{ from: 0, to: PAST + 1 }];
    const budgets = [{ kind: "stepsPerSecond", rate: 1 }] as const;
    const strategy = opened(proactive({ triggerSize: 0, batchSize: 16, budgets }), { excluded });
    expect(strategy.decide()).toMatchObject({ isDue: false, waitMs: null });
    strategy.on({ kind: "arrived", samples: 1 });
    expect(await strategy.next()).toBeNull();
    strategy.on({ kind: "arrived", samples: 1 });
    expect(await strategy.next()).toMatchObject({ positions: [PAST + 1] });
  });
});

describe("a strategy whose samples come faster than steps", () => {
  const clock = new ManualClock(5_000);
  const budgets = [{ kind: "everyMs", ms: 100 }] as const;
  const spec = { triggerSize: 8, batchSize: 32, budgets };

  it("lets the source wait", async () => {
    const strategy = opened(proactive(spec), { clock });
    strategy.on({ kind: "arrived", samples: 8 });
    expect(strategy.room).toBe(0);
    await train(strategy);
    expect(strategy.room).toBe(8);
    strategy.on({ kind: "arrived", samples: 8 });
    expect(strategy.decide()).toMatchObject({ isDue: false, waitMs: 100 });
    expect(strategy.counters()).toMatchObject({ blockedTimes: 2, waiting: 8 });
    clock.advance(100);
    expect(strategy.counters()).toMatchObject({ blockedMs: 100, lagMs: 100 });
    expect(await train(strategy)).toMatchObject([{ fresh: 8, skipped: 0 }]);
  });

  it("takes more of them in a step, and fewer old ones", async () => {
    const strategy = opened(proactive({ ...spec, overload: "grow" }), { clock });
    strategy.on({ kind: "arrived", samples: 8 });
    await train(strategy);
    strategy.on({ kind: "arrived", samples: 20 });
    clock.advance(100);
    const [grown] = await train(strategy);
    expect(grown).toMatchObject({ fresh: 20, skipped: 0 });
    expect(grown?.positions).toHaveLength(32);
    expect(strategy.counters()).toMatchObject({ grownSteps: 1, taken: 28 });
    strategy.on({ kind: "arrived", samples: 100 });
    clock.advance(100);
    expect(await train(strategy)).toMatchObject([{ fresh: 32, skipped: 0 }]);
    expect(strategy.samples - strategy.past).toBe(68);
  });

  it("lets the older ones go straight to history, where they may be drawn", async () => {
    const strategy = opened(proactive({ ...spec, overload: "skip" }), { clock });
    strategy.on({ kind: "arrived", samples: 8 });
    await train(strategy);
    strategy.on({ kind: "arrived", samples: 500 });
    clock.advance(100);
    const [step] = await train(strategy);
    expect(step).toMatchObject({ past: PAST + 8, skipped: 492, fresh: 8 });
    expect(step?.positions.slice(0, 8)).toEqual(
      [500, 501, 502, 503, 504, 505, 506, 507].map((n) => n + PAST),
    );
    expect(step?.why).toContain("492 go straight to history");
    expect(step?.positions.slice(8).some((at) => at >= PAST + 8)).toBe(true);
    expect(strategy.counters()).toMatchObject({ skipped: 492, taken: 16 });
  });

  it("trains though its trigger says nothing when no more have room", async () => {
    const trigger = { kind: "byDriftVerdict", from: "drift" } as const;
    const strategy = opened(proactive({ triggerSize: 8, batchSize: 32, trigger }), { clock });
    const { room } = strategy;
    expect(room).toBe(64 * 32);
    strategy.on({ kind: "arrived", samples: room - 1 });
    expect(await train(strategy)).toEqual([]);
    strategy.on({ kind: "arrived", samples: 1 });
    expect(await train(strategy)).toMatchObject([
      { fresh: 8, why: expect.stringContaining("no more have room") as string },
    ]);
    strategy.on({ kind: "verdict", verdict: "drift" });
    expect(await train(strategy)).toHaveLength(1);
  });
});
