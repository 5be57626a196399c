import { ManualClock } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Intake, type IntakeOptions, type OverloadPolicy } from "./overload.ts";

function made(
  policy: OverloadPolicy,
  options: Partial<IntakeOptions> = {},
): { readonly intake: Intake; readonly clock: ManualClock } {
  const clock = new ManualClock(0);
  return {
    intake: new Intake({ policy, triggerSize: 8, batchSize: 32, clock, ...options }),
    clock,
  };
}

describe("an intake", () => {
  it("makes a step due at t samples, or with fewer at the end of the stream", () => {
    const { intake } = made("grow");
    intake.arrived(7);
    expect(intake.next()).toEqual({ isDue: false, skip: 0, take: 0, why: "7 of 8 samples wait" });
    expect(intake.next(true)).toMatchObject({ isDue: true, skip: 0, take: 7 });
    expect(intake.next(true)).toMatchObject({ isDue: false, take: 0 });
  });

  it("lets a step grow up to the batch size", () => {
    const { intake } = made("grow");
    intake.arrived(50);
    expect(intake.next()).toMatchObject({ skip: 0, take: 32 });
    expect(intake.next()).toMatchObject({ skip: 0, take: 18 });
    intake.arrived(8);
    expect(intake.next()).toMatchObject({ take: 8 });
    expect(intake.counters()).toMatchObject({ taken: 58, skipped: 0, grownSteps: 2, waiting: 0 });
  });

  it("sends the oldest straight to history", () => {
    const { intake } = made("skip");
    intake.arrived(50);
    expect(intake.next()).toEqual({
      isDue: true,
      skip: 42,
      take: 8,
      why: "8 of 50 waiting samples are taken, 42 go straight to history",
    });
    expect(intake.counters()).toMatchObject({ taken: 8, skipped: 42, waiting: 0 });
  });

  it("blocks the source while a step's samples wait, and counts for how long", () => {
    const { intake, clock } = made("block");
    expect(intake.room).toBe(8);
    intake.arrived(8);
    expect(intake.room).toBe(0);
    clock.advance(30);
    expect(intake.counters()).toMatchObject({ blockedTimes: 1, blockedMs: 30, lagMs: 30 });
    clock.advance(10);
    expect(intake.next()).toMatchObject({ take: 8, skip: 0 });
    clock.advance(99);
    expect(intake.counters()).toMatchObject({ blockedTimes: 1, blockedMs: 40, lagMs: 0 });
  });

  it("bounds what waits under every policy", () => {
    for (const policy of ["grow", "skip"] as const) {
      const { intake } = made(policy);
      expect(intake.room).toBe(64 * 32);
      intake.arrived(intake.room);
      expect(intake.room).toBe(0);
      expect(() => intake.arrived(1)).toThrow(/1 arrivals/);
      expect(intake.counters().blockedTimes).toBe(1);
    }
  });

  it("shows how long samples have waited", () => {
    const { intake, clock } = made("grow");
    intake.arrived(4);
    clock.advance(100);
    intake.arrived(12);
    clock.advance(50);
    expect(intake.counters().lagMs).toBe(150);
    intake.next();
    expect(intake.counters()).toMatchObject({
      lagMs: 0,
      lagMsMax: 150,
      lagMsMean: (4 * 150 + 12 * 50) / 16,
    });
  });

  it("without a trigger size sends everything to history and holds no step up", () => {
    const { intake } = made("block", { triggerSize: 0, waitingMax: 5 });
    intake.arrived(5);
    expect(intake.next()).toMatchObject({ isDue: true, skip: 5, take: 0 });
    expect(intake.next()).toMatchObject({ isDue: true, skip: 0, take: 0 });
  });

  it("loses no sample and takes none twice, in any order of arrivals and steps", () => {
    const acts = fc.array(fc.oneof(fc.nat(40), fc.constantFrom("next" as const, "end" as const)));
    fc.assert(
      fc.property(
        fc.constantFrom<OverloadPolicy>("grow", "skip", "block"),
        fc.nat(32),
        acts,
        (policy, triggerSize, list) => {
          const { intake, clock } = made(policy, { triggerSize });
          let waiting = 0;
          let [taken, skipped] = [0, 0];
          for (const act of list) {
            clock.advance(3);
            if (typeof act === "number") {
              const count = Math.min(act, intake.room);
              intake.arrived(count);
              waiting += count;
            } else {
              const step = intake.next(act === "end");
              waiting -= step.take + step.skip;
              taken += step.take;
              skipped += step.skip;
              expect(step.take).toBeLessThanOrEqual(32);
              if (policy !== "grow") expect(step.take).toBeLessThanOrEqual(triggerSize);
              if (step.isDue && act === "next") {
                expect(step.take).toBeGreaterThanOrEqual(triggerSize);
              }
            }
            const counters = intake.counters();
            expect(counters).toMatchObject({ waiting, taken, skipped });
            expect(counters.arrived).toBe(waiting + taken + skipped);
            expect(intake.room).toBeGreaterThanOrEqual(0);
          }
        },
      ),
    );
  });

  it("goes on from the counts of an earlier run, without what waited then", () => {
    const { intake, clock } = made("skip");
    intake.arrived(20);
    clock.advance(40);
    intake.next();
    intake.arrived(5);
    const { intake: later } = made("skip", { counters: intake.counters() });
    const gone = { taken: 8, skipped: 12, arrived: 20, waiting: 0, lagMsMean: 40, lagMsMax: 40 };
    expect(later.counters()).toMatchObject(gone);
    later.arrived(8);
    later.next();
    expect(later.counters()).toMatchObject({ taken: 16, arrived: 28, lagMsMax: 40 });
  });

  it("refuses sizes that make no sense", () => {
    expect(() => made("grow", { triggerSize: 33 })).toThrow(/^triggerSize/);
    expect(() => made("grow", { triggerSize: 1.5 })).toThrow(/^triggerSize/);
    expect(() => made("block", { waitingMax: 7 })).toThrow(/^waitingMax/);
  });
});
