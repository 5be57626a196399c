import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ThinnedLog } from "./thinned-log.ts";

function logOf(count: number, valueOf: (index: number) => number = (index) => index): ThinnedLog {
  const log = new ThinnedLog();
  for (let i = 0; i < count; i++) log.add(valueOf(i));
  return log;
}

describe("a thinned log", () => {
  it("knows the newest numbers exactly, and older ones to a part of their age", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (count, part) => {
          const log = logOf(count);
          const index = Math.min(count - 1, Math.floor(part * count));
          const age = count - 1 - index;
          const known = log.at(index);
          expect(known).toBeLessThanOrEqual(index);
          expect(index - known).toBeLessThanOrEqual(age < 128 ? 0 : age / 31);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("finds the last index of a number that is not above", () => {
    const log = logOf(1_000, (index) => 7 + 3 * index);
    for (const index of [900, 950, 999]) {
      expect(log.indexOf(7 + 3 * index)).toBe(index);
      expect(log.indexOf(7 + 3 * index + 2)).toBe(index);
    }
    expect(log.indexOf(0)).toBe(0);
    expect(log.indexOf(1e9)).toBe(999);
    const old = log.indexOf(7 + 3 * 300);
    expect(Math.abs(old - 300)).toBeLessThanOrEqual(700 / 31);
  });

  it("goes on from its numbers as if nothing had happened", () => {
    fc.assert(
      fc.property(fc.nat(5_000), fc.nat(5_000), (before, after) => {
        const whole = logOf(before, Math.sqrt);
        const resumed = new ThinnedLog();
        expect(resumed.remember([...whole.numbers(), 42])).toEqual([42]);
        for (let i = 0; i < after; i++) {
          whole.add(Math.sqrt(before + i));
          resumed.add(Math.sqrt(before + i));
        }
        expect(resumed.numbers()).toEqual(whole.numbers());
        const asked = Array.from({ length: 20 }, (_, i) => (i * (before + after)) / 20);
        expect(asked.map((i) => resumed.at(i))).toEqual(asked.map((i) => whole.at(i)));
      }),
      { numRuns: 20 },
    );
  });
});
