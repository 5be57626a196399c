import { ManualClock } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TriggerCheckpoint, TriggerDecision, TriggerEvent } from "./trigger.ts";
import { triggerOf } from "./trigger-of.ts";
import type { TriggerSpec } from "./trigger-spec.ts";

const events: fc.Arbitrary<TriggerEvent> = fc.oneof(
  fc.record({
    kind: fc.constant("arrived" as const),
    samples: fc.nat(20),
    eventTimeMs: fc.nat(100_000),
  }),
  fc.record({
    kind: fc.constant("tested" as const),
    samples: fc.nat(20),
    score: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  fc.record({
    kind: fc.constant("verdict" as const),
    verdict: fc.constantFrom("stable" as const, "warning" as const, "drift" as const),
  }),
  fc.record({
    kind: fc.constant("served" as const),
    queries: fc.integer({ min: 1, max: 50 }),
    totalMs: fc.nat(300),
  }),
  fc.record({ kind: fc.constant("time" as const) }),
  fc.record({ kind: fc.constant("began" as const), samples: fc.nat(40) }),
  fc.record({
    kind: fc.constant("ended" as const),
    samples: fc.nat(200),
    durationMs: fc.nat(5_000),
  }),
);

/** An event and how long after the one before it. */
const runs = fc.array(fc.tuple(fc.nat(4_000), events), { maxLength: 40 });

/** What every trigger keeps. */
export function triggerConformance(spec: TriggerSpec): void {
  const play = (
    clock: ManualClock,
    trigger: { on(event: TriggerEvent): TriggerDecision },
    run: readonly (readonly [number, TriggerEvent])[],
  ): readonly TriggerDecision[] =>
    run.map(([waitMs, event]) => {
      clock.advance(waitMs);
      return trigger.on(event);
    });

  describe(`${JSON.stringify(spec)} as a trigger`, () => {
    it("goes on from a checkpoint, sent as JSON, with the decisions that would have followed", () => {
      fc.assert(
        fc.property(runs, runs, (before, after) => {
          const clock = new ManualClock(1_000_000);
          const uninterrupted = triggerOf(spec, clock);
          play(clock, uninterrupted, before);
          const json = JSON.stringify(uninterrupted.checkpoint());
          const resumed = triggerOf(spec, clock);
          resumed.restore(JSON.parse(json) as TriggerCheckpoint);
          for (const [waitMs, event] of after) {
            clock.advance(waitMs);
            expect(resumed.on(event)).toEqual(uninterrupted.on(event));
          }
          expect(resumed.checkpoint()).toEqual(uninterrupted.checkpoint());
        }),
      );
    });

    it("decides the same from the same events at the same times", () => {
      fc.assert(
        fc.property(runs, (run) => {
          const [a, b] = [new ManualClock(5), new ManualClock(5)];
          expect(play(a, triggerOf(spec, a), run)).toEqual(play(b, triggerOf(spec, b), run));
        }),
        { numRuns: 20 },
      );
    });

    it("says why in one line, and stands still when the clock is set back", () => {
      fc.assert(
        fc.property(runs, fc.nat(9_000), (run, backMs) => {
          const clock = new ManualClock(1_000_000);
          const trigger = triggerOf(spec, clock);
          for (const { why } of play(clock, trigger, run)) expect(why).toMatch(/^[^\n]{5,400}$/);
          const decision = trigger.on({ kind: "time" });
          clock.advance(-backMs);
          expect(trigger.on({ kind: "time" })).toEqual(decision);
        }),
        { numRuns: 30 },
      );
    });

    it("refuses the checkpoint of another trigger", () => {
      const clock = new ManualClock();
      const other = spec.kind === "byCount" ? "byDriftVerdict" : "byCount";
      const otherSpec: TriggerSpec =
        other === "byCount" ? { kind: other, samples: 1 } : { kind: other, from: "drift" };
      const checkpoint = triggerOf(otherSpec, clock).checkpoint();
      expect(() => triggerOf(spec, clock).restore(checkpoint)).toThrow(
        expect.objectContaining({ code: "EF_RESUME_MISMATCH" }) as Error,
      );
    });
  });
}
