import { describe, expect, it } from "vitest";
import { ManualClock, systemClock } from "./clock.ts";

describe("clocks", () => {
  it("stand still until they are moved, if they are manual", () => {
    const clock = new ManualClock(1000);
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1000, 1000]);
    clock.advance(2.5);
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1002.5, 1002.5]);
  });

  it("never go backwards, if they are the system's monotonic one", () => {
    const readings = Array.from({ length: 1000 }, () => systemClock.monotonicMs());
    expect(readings).toEqual(readings.toSorted((a, b) => a - b));
    expect(systemClock.nowMs()).toBeGreaterThan(Date.UTC(2020));
  });
});
