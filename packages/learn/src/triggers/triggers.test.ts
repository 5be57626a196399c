import { ManualClock } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Trigger, TriggerDecision, TriggerEvent } from "./trigger.ts";
import { triggerConformance } from "./trigger.conformance.ts";
import { triggerOf } from "./trigger-of.ts";
import type { TriggerSpec } from "./trigger-spec.ts";

const SPECS: { readonly [K in TriggerSpec["kind"]]: TriggerSpec & { readonly kind: K } } = {
  byCount: { kind: "byCount", samples: 30 },
  byTime: { kind: "byTime", everyMs: 10_000, of: "clock" },
  byPerformanceDrop: {
    kind: "byPerformanceDrop",
    windowSamples: 30,
    drop: 0.1,
    below: 0.2,
    since: "start",
  },
  byCost: { kind: "byCost", sampleSecondsPerTrainingSecond: 20, firstTrainingMs: 900 },
  byDriftVerdict: { kind: "byDriftVerdict", from: "warning" },
  staticSchedule: { kind: "staticSchedule", everyChunks: 5 },
  dynamicSchedule: { kind: "dynamicSchedule", slack: 1.5, firstMs: 3_000, rateMs: 10_000 },
  any: { kind: "any", of: [{ kind: "byCount", samples: 30 }] },
  all: {
    kind: "all",
    of: [
      { kind: "byCount", samples: 30 },
      { kind: "byTime", everyMs: 5_000, of: "events" },
    ],
  },
  atLeast: {
    kind: "atLeast",
    count: 2,
    of: [
      { kind: "byCount", samples: 10 },
      { kind: "byTime", everyMs: 5_000, of: "clock" },
      { kind: "byDriftVerdict", from: "drift" },
    ],
  },
};
for (const spec of Object.values(SPECS)) triggerConformance(spec);
triggerConformance({ ...SPECS.byPerformanceDrop, since: "training" });
triggerConformance({ ...SPECS.staticSchedule, chunkSamples: 7 });

const arrived = (samples: number, eventTimeMs?: number): TriggerEvent =>
  eventTimeMs === undefined
    ? { kind: "arrived", samples }
    : { kind: "arrived", samples, eventTimeMs };
const tested = (samples: number, score: number): TriggerEvent => ({
  kind: "tested",
  samples,
  score,
});
const began = (samples: number): TriggerEvent => ({ kind: "began", samples });
const ended = (durationMs: number, samples = 0): TriggerEvent => ({
  kind: "ended",
  samples,
  durationMs,
});
const time: TriggerEvent = { kind: "time" };

/** A trigger, its clock, and whether training is due after an event some time later. */
function made(spec: TriggerSpec): {
  readonly trigger: Trigger;
  readonly after: (waitMs: number, event: TriggerEvent) => TriggerDecision;
} {
  const clock = new ManualClock(1e12);
  const trigger = triggerOf(spec, clock);
  return {
    trigger,
    after: (waitMs, event) => {
      clock.advance(waitMs);
      return trigger.on(event);
    },
  };
}

describe("byCount", () => {
  it("is due from the count on until training takes the samples", () => {
    const { after } = made({ kind: "byCount", samples: 8 });
    expect(after(0, arrived(7))).toEqual({ isDue: false, why: "7 of 8 new samples are there" });
    expect(after(0, arrived(4)).isDue).toBe(true);
    expect(after(0, time).isDue).toBe(true);
    expect(after(0, began(8))).toEqual({ isDue: false, why: "3 of 8 new samples are there" });
    expect(after(0, arrived(5)).isDue).toBe(true);
  });
});

describe("byTime", () => {
  it("counts from the start, then from the beginning of each training", () => {
    const { after } = made({ kind: "byTime", everyMs: 1_000, of: "clock" });
    expect(after(0, time).isDue).toBe(false);
    expect(after(999, time).isDue).toBe(false);
    expect(after(1, time)).toEqual({ isDue: true, why: "1 s of 1 s have passed" });
    expect(after(500, began(1)).isDue).toBe(false);
    expect(after(400, ended(400)).isDue).toBe(false);
    expect(after(600, time).isDue).toBe(true);
  });

  it("goes by event time, however fast the stream is played", () => {
    const { after } = made({ kind: "byTime", everyMs: 3_600_000, of: "events" });
    expect(after(9e6, arrived(1, 100)).isDue).toBe(false);
    expect(after(9e6, arrived(1, 3_000_000)).isDue).toBe(false);
    expect(after(0, arrived(1, 50)).isDue).toBe(false);
    expect(after(0, arrived(1, 3_600_100)).isDue).toBe(true);
    expect(after(0, began(4)).isDue).toBe(false);
    expect(after(0, arrived(1, 7_200_099)).isDue).toBe(false);
    expect(after(0, arrived(1, 7_200_100)).isDue).toBe(true);
  });
});

describe("byPerformanceDrop", () => {
  it("compares the window's mean with the best one since training", () => {
    const { after } = made({
      kind: "byPerformanceDrop",
      windowSamples: 20,
      drop: 0.1,
      since: "training",
    });
    expect(after(0, tested(10, 0.9)).why).toBe("10 of 20 predictions are tested");
    expect(after(0, tested(10, 0.9)).isDue).toBe(false);
    expect(after(0, tested(10, 0.75)).isDue).toBe(false);
    const decision = after(0, tested(10, 0.8));
    expect(decision.isDue).toBe(true);
    expect(decision.why).toBe("the score is 0.775, 0.125 below the best of 0.9");
    // After training another state is judged, by its own best.
    expect(after(0, began(0)).isDue).toBe(true);
    expect(after(0, ended(10)).isDue).toBe(false);
    expect(after(0, tested(20, 0.5)).isDue).toBe(false);
    expect(after(0, tested(20, 0.35)).isDue).toBe(true);
  });

  it("can look at a floor alone", () => {
    const { after } = made({
      kind: "byPerformanceDrop",
      windowSamples: 4,
      below: 0.7,
      since: "start",
    });
    expect(after(0, tested(4, 0.99)).isDue).toBe(false);
    expect(after(0, tested(4, 0.7)).isDue).toBe(false);
    expect(after(0, tested(4, 0.69)).isDue).toBe(true);
  });

  it("weighs chunks by their samples and keeps the window at whole chunks", () => {
    const { after } = made({
      kind: "byPerformanceDrop",
      windowSamples: 10,
      below: 0.6,
      since: "start",
    });
    expect(after(0, tested(9, 1)).isDue).toBe(false);
    // 9 at 1 and 6 at 0: the 9 still belong to the newest 10.
    expect(after(0, tested(6, 0)).why).toMatch(/^the score is 0\.6,/);
    expect(after(0, tested(4, 0)).why).toMatch(/^the score is 0, below/);
  });
});

describe("byCost", () => {
  const spec: TriggerSpec = {
    kind: "byCost",
    sampleSecondsPerTrainingSecond: 100,
    firstTrainingMs: 2_000,
  };
  it("is due when the time that samples have waited is worth the training", () => {
    const { after } = made(spec);
    after(0, arrived(10));
    expect(after(19_999, time).isDue).toBe(false); // 10 samples, 200 s in all: 2 s of training
    expect(after(1, time)).toEqual({
      isDue: true,
      why: "10 waiting samples are worth 2 s of training, which would take 2 s",
    });
  });

  it("adds up the area under the number of waiting samples", () => {
    const { after } = made(spec);
    after(0, arrived(10));
    after(10_000, arrived(30)); // 100 s so far
    expect(after(2_499, time).isDue).toBe(false);
    expect(after(1, time).isDue).toBe(true); // 100 + 40 · 2.5
    expect(after(0, began(40)).isDue).toBe(false);
    expect(after(60_000, time).isDue).toBe(false); // nobody waits
  });

  it("forgets the waiting of the samples that training takes", () => {
    const { after } = made({ ...spec, firstTrainingMs: 1e6 });
    after(0, arrived(40));
    after(100_000, began(30)); // 4,000 s so far, of which 10 samples keep a quarter
    expect(after(0, time).why).toMatch(/^10 waiting samples are worth 10 s of training/);
    after(0, began(10));
    after(50_000, arrived(5));
    expect(after(2_000, time).why).toMatch(/^5 waiting samples are worth 100 ms of training/);
  });

  it("forecasts the training time by a line through the last ones", () => {
    const { after } = made({ ...spec, sampleSecondsPerTrainingSecond: 1e9 });
    for (const samples of [100, 200, 300, 400]) {
      after(0, arrived(samples));
      after(0, began(samples));
      after(0, ended(500 + 10 * samples));
    }
    // The ridge of 1 beside a spread of 50,000 changes nothing that one could see.
    expect(after(0, arrived(1_000)).why).toMatch(/which would take 10\.5 s$/);
  });
});

describe("byDriftVerdict", () => {
  it("is due from a verdict on until training, whatever is said after it", () => {
    const { after } = made({ kind: "byDriftVerdict", from: "drift" });
    expect(after(0, { kind: "verdict", verdict: "warning" }).isDue).toBe(false);
    expect(after(0, { kind: "verdict", verdict: "drift" }).isDue).toBe(true);
    expect(after(0, { kind: "verdict", verdict: "stable" }).isDue).toBe(true);
    expect(after(0, began(1)).isDue).toBe(false);
  });
});

describe("the schedulers of the EDBT paper", () => {
  it("train every so many chunks", () => {
    const { after } = made({ kind: "staticSchedule", everyChunks: 3 });
    expect(
      [after(0, arrived(5)), after(0, arrived(1)), after(0, time)].map((d) => d.isDue),
    ).toEqual([false, false, false]);
    expect(after(0, arrived(7)).isDue).toBe(true);
    expect(after(0, began(13))).toEqual({ isDue: false, why: "0 of 3 chunks are there" });
  });

  it("count samples in chunks, however many arrive together", () => {
    const spec = { kind: "staticSchedule", everyChunks: 3, chunkSamples: 4 } as const;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 15 })), (sizes) => {
        const { after } = made(spec);
        let [all, since] = [0, 0];
        for (const size of sizes) {
          all += size;
          const isDue = Math.floor(all / 4) - Math.floor(since / 4) >= 3;
          expect(after(0, arrived(size)).isDue).toBe(isDue);
          if (!isDue) continue;
          since = all;
          expect(after(0, began(size)).isDue).toBe(false);
        }
      }),
    );
  });

  it("wait T' = S · T · p_r · p_l after a training", () => {
    const { after } = made({ kind: "dynamicSchedule", slack: 2, rateMs: 1e9 });
    expect(after(0, time).isDue).toBe(true);
    after(0, began(1));
    // In 10 s: 500 queries, which is 50 per second, of 30 ms each.
    for (let i = 0; i < 100; i++) after(100, { kind: "served", queries: 5, totalMs: 150 });
    expect(after(0, time)).toEqual({ isDue: false, why: "training runs" });
    const decision = after(0, ended(700));
    // 2 · 0.7 s · 50 / s · 0.03 s = 2.1 s
    expect(decision).toEqual({ isDue: false, why: "0 ms of 2.1 s have passed" });
    // The queries fade a little even over an hour.
    expect(after(2_099, time).isDue).toBe(false);
    expect(after(2, time).isDue).toBe(true);
  });

  it("train at once when nobody asks, and within bounds", () => {
    const idle = made({ kind: "dynamicSchedule", slack: 2 });
    idle.after(0, began(1));
    expect(idle.after(700, ended(700)).isDue).toBe(true);
    const bounded = made({ kind: "dynamicSchedule", slack: 100, leastMs: 50, mostMs: 900 });
    bounded.after(0, began(1));
    expect(bounded.after(700, ended(700)).isDue).toBe(false);
    expect(bounded.after(50, time).isDue).toBe(true);
    bounded.after(0, began(1));
    bounded.after(100, { kind: "served", queries: 1_000, totalMs: 9_000 });
    expect(bounded.after(0, ended(700)).why).toBe("0 ms of 900 ms have passed");
  });

  it("forget queries of long ago", () => {
    const { after } = made({ kind: "dynamicSchedule", slack: 1, rateMs: 1_000 });
    after(0, { kind: "served", queries: 1_000, totalMs: 10_000 });
    after(60_000, began(1));
    expect(after(0, ended(1_000)).isDue).toBe(false);
    expect(after(1, time).isDue).toBe(true);
  });
});
