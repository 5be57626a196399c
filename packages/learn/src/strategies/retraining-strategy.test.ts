import { ManualClock, Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { chiSquare, chiSquareLimit } from "../samplers/chi-square.fixture.ts";
import type { PositionRange } from "../samplers/excluding.ts";
import { epochOrders } from "./epoch-order.ts";
import type { RetrainingIteration } from "./iteration.ts";
import type { Strategy } from "./strategy.ts";
import { strategyOf } from "./strategy-of.ts";
import { fullRetraining, type FullRetrainingSpec } from "./strategy-spec.ts";

const PAST = 100;

function opened(
  spec: Partial<FullRetrainingSpec>,
  options: { readonly excluded?: readonly PositionRange[]; readonly clock?: ManualClock } = {},
): Strategy {
  const { clock = new ManualClock(), excluded = [] } = options;
  const facts = () => Promise.reject(new Error("a retraining looks at no facts"));
  const trigger = { kind: "byCount", samples: 50 } as const;
  return strategyOf(fullRetraining({ trigger, start: "cold", epochs: 2, batchSize: 16, ...spec }), {
    seed: 4,
    clock,
    history: { facts },
    past: PAST,
    excluded,
  });
}

/** The retrainings that are due while so many samples arrive, one by one. */
async function stream(
  strategy: Strategy,
  samples: number,
): Promise<readonly RetrainingIteration[]> {
  const iterations: RetrainingIteration[] = [];
  for (let i = 0; i < samples; i++) {
    strategy.on({ kind: "arrived", samples: 1 });
    const next = await strategy.next();
    if (next?.kind !== "retraining") continue;
    iterations.push(next);
    strategy.on({ kind: "ended", samples: 1, durationMs: 1 });
  }
  return iterations;
}

function ordersOf({ samples, epochs, order }: RetrainingIteration): readonly (readonly number[])[] {
  return Array.from(epochOrders(samples, epochs, order), (positions) => [...positions]);
}

describe("the order of an epoch", () => {
  it("is each of those that there are equally often", () => {
    const epochs = 6_000;
    const orders = epochOrders([{ from: 7, to: 10 }], epochs, new Random(8).position);
    const counts = new Map<string, number>();
    for (const order of orders) counts.set(order.join(), (counts.get(order.join()) ?? 0) + 1);
    const value = chiSquare([...counts.values()], new Array<number>(6).fill(epochs / 6));
    expect(counts.size).toBe(6);
    expect(value).toBeLessThan(chiSquareLimit(5));
  });
});

describe("full retraining", () => {
  it("is on everything that there is, periodically by count", async () => {
    const iterations = await stream(opened({}), 170);
    expect(iterations.map(({ samples }) => samples)).toEqual([
      [{ from: 0, to: 150 }],
      [{ from: 0, to: 200 }],
      [{ from: 0, to: 250 }],
    ]);
    expect(iterations.map(({ past, fresh }) => [past, fresh])).toEqual([
      [100, 50],
      [150, 50],
      [200, 50],
    ]);
  });

  it("is periodic by time as well", async () => {
    const clock = new ManualClock(1_000);
    const trigger = { kind: "byTime", everyMs: 60_000, of: "clock" } as const;
    const strategy = opened({ trigger }, { clock });
    expect(strategy.decide().waitMs).toBeGreaterThan(0);
    clock.advance(60_000);
    expect(await strategy.next()).toMatchObject({ samples: [{ from: 0, to: 100 }], fresh: 0 });
  });

  it("leaves out what is excluded and what is older than its window", async () => {
    const excluded = [
      { from: 120, to: 130 },
      { from: 10, to: 20 },
      { from: 300, to: 400 },
    ];
    const [all] = await stream(opened({}, { excluded }), 50);
    expect(all?.samples).toEqual([
      { from: 0, to: 10 },
      { from: 20, to: 120 },
      { from: 130, to: 150 },
    ]);
    const [newest] = await stream(opened({ window: 35 }, { excluded }), 50);
    expect(newest?.samples).toEqual([
      { from: 105, to: 120 },
      { from: 130, to: 150 },
    ]);
  });

  it("waits while everything is excluded", async () => {
    const strategy = opened({}, { excluded: [{ from: 0, to: 160 }] });
    expect(await stream(strategy, 60)).toEqual([]);
    expect(await stream(strategy, 1)).toMatchObject([{ samples: [{ from: 160, to: 161 }] }]);
  });

  it("has each sample once per epoch, in another order in each epoch and retraining", async () => {
    const iterations = await stream(opened({ epochs: 3 }), 100);
    const orders = iterations.flatMap(ordersOf);
    expect(orders).toHaveLength(6);
    for (const [i, order] of orders.entries()) {
      const count = i < 3 ? 150 : 200;
      expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n));
    }
    expect(new Set(orders.map(String)).size).toBe(6);
    const [first, second] = iterations;
    expect(second?.order).not.toEqual(first?.order);
    expect(iterations.flatMap(ordersOf)).toEqual(orders);
  });
});
