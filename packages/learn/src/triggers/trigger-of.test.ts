import { ManualClock } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import type { TriggerDecision, TriggerEvent } from "./trigger.ts";
import { triggerOf } from "./trigger-of.ts";
import type { TriggerSpec } from "./trigger-spec.ts";

const arrived = (samples: number): TriggerEvent => ({ kind: "arrived", samples });
const began = (samples: number): TriggerEvent => ({ kind: "began", samples });
const time: TriggerEvent = { kind: "time" };

/** Whether training is due after an event some time later. */
function made(spec: TriggerSpec): {
  readonly after: (waitMs: number, event: TriggerEvent) => TriggerDecision;
} {
  const clock = new ManualClock(1e12);
  const trigger = triggerOf(spec, clock);
  return {
    after: (waitMs, event) => {
      clock.advance(waitMs);
      return trigger.on(event);
    },
  };
}

describe("combinations of triggers", () => {
  const count: TriggerSpec = { kind: "byCount", samples: 8 };
  const passed: TriggerSpec = { kind: "byTime", everyMs: 1_000, of: "clock" };
  const drift: TriggerSpec = { kind: "byDriftVerdict", from: "drift" };

  it("are due when one, all or enough are, and say which", () => {
    const of = [count, passed, drift];
    const triggers = {
      any: made({ kind: "any", of }),
      all: made({ kind: "all", of }),
      atLeast: made({ kind: "atLeast", count: 2, of }),
    };
    const dueAfter = (waitMs: number, event: TriggerEvent): Record<string, boolean> =>
      Object.fromEntries(
        Object.entries(triggers).map(([name, { after }]) => [name, after(waitMs, event).isDue]),
      );
    expect(dueAfter(0, arrived(5))).toEqual({ any: false, all: false, atLeast: false });
    expect(dueAfter(0, arrived(3))).toEqual({ any: true, all: false, atLeast: false });
    expect(dueAfter(1_000, time)).toEqual({ any: true, all: false, atLeast: true });
    expect(triggers.atLeast.after(0, time).why).toBe(
      "2 of 3 are due, 2 needed: 8 of 8 new samples are there; 1 s of 1 s have passed",
    );
    expect(triggers.all.after(0, time).why).toBe(
      "2 of 3 are due, 3 needed: the worst verdict since the last training is stable",
    );
    expect(dueAfter(0, { kind: "verdict", verdict: "drift" })).toEqual({
      any: true,
      all: true,
      atLeast: true,
    });
    expect(dueAfter(0, began(8))).toEqual({ any: false, all: false, atLeast: false });
  });

  it("can be made of combinations", () => {
    const { after } = made({ kind: "all", of: [count, { kind: "any", of: [passed, drift] }] });
    expect(after(0, arrived(8)).isDue).toBe(false);
    expect(after(0, { kind: "verdict", verdict: "drift" }).isDue).toBe(true);
  });
});

describe("triggerOf", () => {
  it.each<readonly [TriggerSpec, string]>([
    [{ kind: "byCount", samples: 0 }, "samples"],
    [{ kind: "byTime", everyMs: 0, of: "clock" }, "everyMs"],
    [{ kind: "byPerformanceDrop", windowSamples: 5, since: "start" }, "drop"],
    [{ kind: "byPerformanceDrop", windowSamples: 5, drop: -1, since: "start" }, "drop"],
    [{ kind: "byCost", sampleSecondsPerTrainingSecond: NaN }, "sampleSecondsPerTrainingSecond"],
    [{ kind: "staticSchedule", everyChunks: 1.5 }, "everyChunks"],
    [{ kind: "staticSchedule", everyChunks: 1, chunkSamples: 0 }, "chunkSamples"],
    [{ kind: "dynamicSchedule", slack: 0 }, "slack"],
    [{ kind: "dynamicSchedule", slack: 1, leastMs: 5, mostMs: 4 }, "mostMs"],
    [{ kind: "any", of: [] }, "of"],
    [{ kind: "atLeast", count: 2, of: [{ kind: "byCount", samples: 1 }] }, "of"],
    [{ kind: "all", of: [{ kind: "byCount", samples: -1 }] }, "samples"],
  ])("refuses %j and names %s", (spec, option) => {
    expect(() => triggerOf(spec, new ManualClock())).toThrow(new RegExp(`^${option} must be`));
  });
});
