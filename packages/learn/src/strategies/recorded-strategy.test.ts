import { ManualClock } from "@everfresh/core";
import { memoryHistory } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import { points } from "../points.fixture.ts";
import { goOnFrom, recordOf } from "./recorded-strategy.ts";
import type { Strategy } from "./strategy.ts";
import { strategyOf } from "./strategy-of.ts";
import { fullRetraining, online, proactive, type StrategySpec } from "./strategy-spec.ts";

const COUNTS = proactive({
  triggerSize: 4,
  batchSize: 12,
  sampler: { kind: "inverseCount" },
  budgets: [{ kind: "everyMs", ms: 5 }],
});

const history = memoryHistory();
const clock = new ManualClock();

async function made(spec: StrategySpec): Promise<Strategy> {
  if (history.count() === 0) {
    for await (const sample of points({ size: 400, inputs: 2, classes: 3 }).read()) {
      await history.append([sample]);
    }
  }
  return strategyOf(spec, { seed: 3, clock, history });
}

/** Takes steps until so many have been made; gives the positions of the last. */
async function stepped(strategy: Strategy, steps: number): Promise<readonly number[]> {
  let positions: readonly number[] = [];
  while (strategy.iterations < steps) {
    clock.advance(10);
    strategy.on({ kind: "arrived", samples: Math.min(4, strategy.room) });
    const next = await strategy.next();
    if (next === null) continue;
    if (next.kind === "step") positions = next.positions;
    strategy.on({ kind: "ended", samples: 12, durationMs: 1 });
  }
  return positions;
}

describe("a strategy that goes on where one was", () => {
  it("draws what would have followed, where it is the same, in whatever order it is written", async () => {
    const first = await made(COUNTS);
    await stepped(first, 20);
    const record = recordOf(first);
    const { sampler, ...rest } = COUNTS;
    const again = await made({ ...(sampler === undefined ? {} : { sampler }), ...rest });
    goOnFrom(again, structuredClone(record));
    expect(await stepped(again, 21)).toEqual(await stepped(first, 21));
  });

  it("keeps its samples, its random numbers and the parts that are as they were", async () => {
    const first = await made(COUNTS);
    await stepped(first, 20);
    const before = recordOf(first);
    const wider = await made({ ...COUNTS, triggerSize: 6, batchSize: 20 });
    goOnFrom(wider, before);
    const { past, iterations, random, sampler, budget } = before.checkpoint;
    expect(wider.checkpoint()).toMatchObject({
      past,
      samples: past,
      iterations,
      random,
      sampler,
      budget,
    });
    const others = [
      online({ batchSize: 8 }),
      fullRetraining({
        ...{ trigger: { kind: "byCount", samples: 9 }, start: "warm", epochs: 1, batchSize: 8 },
      }),
    ];
    for (const spec of others) {
      const other = await made(spec);
      goOnFrom(other, before);
      expect(other.checkpoint()).toMatchObject({ kind: spec.kind, past, iterations, random });
      expect(other.checkpoint().sampler).toBeNull();
    }
  });

  it("goes on from what was recorded before strategies were", async () => {
    const uniform = proactive({ triggerSize: 4, batchSize: 12 });
    const first = await made(uniform);
    await stepped(first, 9);
    const { checkpoint } = recordOf(first);
    const again = await made(uniform);
    goOnFrom(again, { spec: null, checkpoint: { ...checkpoint, intake: null } });
    expect(await stepped(again, 10)).toEqual(await stepped(first, 10));
  });
});
