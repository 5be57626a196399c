import { ManualClock } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Budget, type BudgetCheckpoint } from "./budget.ts";
import type { BudgetSpec } from "./budget-spec.ts";

const HOUR_MS = 3_600_000;
const hourly = (seconds: number): BudgetSpec => ({ kind: "trainingSecondsPerHour", seconds });

/** Steps as early as a budget lets them begin, each after a pause; when they ran. */
function run(
  budget: Budget,
  clock: ManualClock,
  steps: readonly { readonly pauseMs: number; readonly durationMs: number }[],
): readonly { readonly fromMs: number; readonly toMs: number }[] {
  return steps.map(({ pauseMs, durationMs }) => {
    clock.advance(pauseMs);
    for (let tries = 0; ; tries++) {
      const { isAllowed, waitMs } = budget.decide();
      expect(isAllowed).toBe(waitMs === 0);
      if (isAllowed) break;
      expect(tries).toBeLessThan(3);
      clock.advance(waitMs);
    }
    const fromMs = clock.nowMs();
    budget.began();
    clock.advance(durationMs);
    budget.ended(durationMs);
    return { fromMs, toMs: clock.nowMs() };
  });
}

describe("a budget of training seconds per hour", () => {
  it("is kept in every hour when steps take what is expected", () => {
    const steps = fc.array(fc.nat(200_000), { minLength: 30, maxLength: 80 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 40_000 }), (pauses, durationMs) => {
        const clock = new ManualClock(123_456_789);
        const budget = new Budget([hourly(90)], clock);
        const ran = run(
          budget,
          clock,
          pauses.map((pauseMs) => ({ pauseMs, durationMs })),
        );
        for (const { toMs } of ran) {
          const inHour = ran.reduce(
            (sum, step) =>
              sum + Math.max(0, Math.min(toMs, step.toMs) - Math.max(toMs - HOUR_MS, step.fromMs)),
            0,
          );
          // The first step is expected to take no time, as none was measured.
          expect(inHour).toBeLessThanOrEqual(90_000);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("lets as much be spent as there is, up to a slice of half a minute at its end", () => {
    const clock = new ManualClock(0);
    const steps = new Array<{ pauseMs: number; durationMs: number }>(500).fill({
      pauseMs: 0,
      durationMs: 1_000,
    });
    run(new Budget([hourly(100)], clock), clock, steps);
    // 500 s at 100 s per hour and half a minute: the last 100 begin after four such hours.
    expect(clock.nowMs()).toBeGreaterThanOrEqual(4 * HOUR_MS);
    expect(clock.nowMs()).toBeLessThan(4 * (HOUR_MS + 130_000) + 100_000);
  });

  it("makes the next steps wait the longer after one that took too long", () => {
    const clock = new ManualClock(0);
    const budget = new Budget([hourly(10)], clock);
    run(budget, clock, [{ pauseMs: 0, durationMs: 25_000 }]);
    const decision = budget.decide();
    expect(decision.isAllowed).toBe(false);
    expect(decision.waitMs).toBeGreaterThan(HOUR_MS - 60_000);
    expect(decision.why).toBe("25 s of 10 s are spent in the last hour, a step takes 25 s");
    // Longer than the budget altogether: when nothing was spent.
    clock.advance(decision.waitMs);
    expect(budget.decide().isAllowed).toBe(true);
  });
});

describe("a budget of steps per second", () => {
  it("is kept in every stretch of time, bursts included", () => {
    const steps = fc.array(fc.nat(900), { minLength: 5, maxLength: 60 });
    fc.assert(
      fc.property(
        steps,
        fc.double({ min: 0.5, max: 50, noNaN: true }),
        fc.integer({ min: 1, max: 6 }),
        (pauses, rate, burst) => {
          const clock = new ManualClock(50);
          const budget = new Budget([{ kind: "stepsPerSecond", rate, burst }], clock);
          const ran = run(
            budget,
            clock,
            pauses.map((pauseMs) => ({ pauseMs, durationMs: 0 })),
          );
          for (let i = 0; i < ran.length; i++) {
            for (let j = i; j < ran.length; j++) {
              const seconds = (ran[j]!.fromMs - ran[i]!.fromMs) / 1_000;
              expect(j - i + 1).toBeLessThanOrEqual(burst + rate * seconds + 1e-6);
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("paces steps that nothing else triggers", () => {
    const clock = new ManualClock(0);
    const budget = new Budget([{ kind: "everyMs", ms: 250 }], clock);
    const ran = run(budget, clock, new Array(9).fill({ pauseMs: 0, durationMs: 30 }) as []);
    expect(ran.map(({ fromMs }) => fromMs)).toEqual(Array.from({ length: 9 }, (_, i) => 250 * i));
  });
});

describe("several budgets", () => {
  it("are all kept; the one that waits longest says why", () => {
    const clock = new ManualClock(0);
    const budget = new Budget([{ kind: "everyMs", ms: 100 }, hourly(1)], clock);
    run(budget, clock, [{ pauseMs: 0, durationMs: 600 }]);
    expect(budget.decide().why).toMatch(/in the last hour/);
    expect(new Budget([], clock).decide()).toEqual({
      isAllowed: true,
      waitMs: 0,
      why: "no budget is set",
    });
  });

  it("go on from a checkpoint, sent as JSON, as if they had not stopped", () => {
    const specs: readonly BudgetSpec[] = [
      hourly(20),
      { kind: "stepsPerSecond", rate: 2, burst: 3 },
      { kind: "everyMs", ms: 70 },
    ];
    const steps = fc.array(fc.record({ pauseMs: fc.nat(100_000), durationMs: fc.nat(9_000) }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(steps, steps, (before, after) => {
        const clock = new ManualClock(1e12);
        const uninterrupted = new Budget(specs, clock);
        run(uninterrupted, clock, before);
        const json = JSON.stringify(uninterrupted.checkpoint());
        const twin = new ManualClock(clock.nowMs());
        const resumed = new Budget(specs, twin);
        resumed.restore(JSON.parse(json) as BudgetCheckpoint);
        expect(run(resumed, twin, after)).toEqual(run(uninterrupted, clock, after));
        expect(resumed.checkpoint()).toEqual(uninterrupted.checkpoint());
      }),
      { numRuns: 40 },
    );
  });

  it("refuse the checkpoint of others, and numbers that make no sense", () => {
    const clock = new ManualClock();
    const checkpoint = new Budget([hourly(5)], clock).checkpoint();
    expect(() => new Budget([], clock).restore(checkpoint)).toThrow(/list of budgets/);
    expect(() => new Budget([hourly(0)], clock)).toThrow(/^trainingSecondsPerHour/);
    expect(() => new Budget([hourly(4_000)], clock)).toThrow(/^trainingSecondsPerHour/);
    expect(() => new Budget([{ kind: "stepsPerSecond", rate: 1, burst: 0 }], clock)).toThrow(
      /^burst/,
    );
    expect(() => new Budget([{ kind: "everyMs", ms: -1 }], clock)).toThrow(/^everyMs/);
  });
});
