import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { detectorOf } from "./detector-of.ts";
import type { ChangeScanSpec } from "./detector-spec.ts";

/** The usual settings: nothing in this file chooses others for a stream. */
const USUAL: ChangeScanSpec = { kind: "changeScan" };

/** Errors at a rate that changes; each is the one before with the probability `correlation`. */
function errorStream(
  seed: number,
  parts: readonly (readonly [count: number, rate: number])[],
  correlation = 0,
): readonly number[] {
  const random = new Random(seed, 5);
  let last: number | null = null;
  return parts.flatMap(([count, rate]) =>
    Array.from({ length: count }, () => {
      if (last === null || random.float() >= correlation) last = random.float() < rate ? 1 : 0;
      return last;
    }),
  );
}

function alarmsOf(values: readonly number[], spec = USUAL): readonly number[] {
  const detector = detectorOf(spec);
  return values.flatMap((value, i) => (detector.update(value) === "drift" ? [i] : []));
}

describe("the scan for changes", () => {
  // 30 streams of 5,000 values with one false alarm in 40,000: 4 are expected.
  it.each([
    { correlation: 0, delayMax: 100 },
    { correlation: 0.5, delayMax: 250 },
  ])("keeps its budget and sees a rate that doubles: %j", ({ correlation, delayMax }) => {
    let falseAlarms = 0;
    const delays: number[] = [];
    for (let seed = 0; seed < 30; seed++) {
      const stream = errorStream(seed, [[5_000, 0.2], [800, 0.4]], correlation); // prettier-ignore
      const alarms = alarmsOf(stream);
      falseAlarms += alarms.filter((at) => at < 5_000).length;
      const first = alarms.find((at) => at >= 5_000);
      if (first !== undefined) delays.push(first - 4_999);
    }
    expect(falseAlarms).toBeLessThanOrEqual(12);
    expect(delays.length).toBeGreaterThanOrEqual(28);
    delays.sort((a, b) => a - b);
    expect(delays[delays.length >> 1]).toBeLessThanOrEqual(delayMax);
  });

  it("alarms more seldom the seldomer it is to", () => {
    const stream = errorStream(1, [[30_000, 0.2]]);
    const counts = [1_000, 100_000].map(
      (falseAlarmEvery) => alarmsOf(stream, { ...USUAL, falseAlarmEvery }).length,
    );
    // Expected are 30 and 0.3; five deviations are beyond chance.
    expect(counts[0]).toBeGreaterThan(5);
    expect(counts[0]).toBeLessThan(58);
    expect(counts[1]).toBeLessThanOrEqual(3);
  });

  it("warns before it alarms, and says since when", () => {
    const detector = detectorOf(USUAL);
    const stream = errorStream(4, [[3_000, 0.1], [400, 0.3]]); // prettier-ignore
    const verdicts: string[] = [];
    for (const value of stream) {
      verdicts.push(detector.update(value));
      if (verdicts.at(-1) === "drift") break;
    }
    expect(verdicts.indexOf("warning")).toBeLessThan(verdicts.indexOf("drift"));
    const { changeAgo, pValue, value, driftAt, taken } = detector.reading();
    expect(verdicts.at(-1)).toBe("drift");
    expect(Math.abs(taken - changeAgo! - 3_000)).toBeLessThan(40);
    expect(value).toBeGreaterThanOrEqual(driftAt!);
    expect(driftAt).toBeCloseTo(Math.log10(40_000), 12);
    expect(pValue).toBeCloseTo(1 - Math.exp(-taken / 10 ** value!), 12);
  });

  it.each([
    { parts: [[5_000, 0.2], [2_000, 0.4]], correlation: 0, errorMax: 60 }, // prettier-ignore
    { parts: [[5_000, 0.2], [2_000, 0.4]], correlation: 0.5, errorMax: 160 }, // prettier-ignore
    // A small change long before.
    { parts: [[2_000, 0.12], [3_500, 0.14], [2_000, 0.27]], correlation: 0, errorMax: 160 }, // prettier-ignore
  ] as const)("puts a change near where it was: %j", ({ parts, correlation, errorMax }) => {
    const changeAt = parts.slice(0, -1).reduce((sum, [count]) => sum + count, 0);
    const errors: number[] = [];
    for (let seed = 0; seed < 40; seed++) {
      const detector = detectorOf(USUAL);
      const at = errorStream(seed, parts, correlation).findIndex(
        (value, i) => detector.update(value) === "drift" && i >= changeAt,
      );
      const { changeAgo } = detector.reading();
      if (at >= 0 && changeAgo !== null) errors.push(Math.abs(at + 1 - changeAgo - changeAt));
    }
    expect(errors.length).toBeGreaterThanOrEqual(35);
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(errorMax);
  });

  it("looks the way it is told to", () => {
    const worse = errorStream(6, [[2_000, 0.2], [500, 0.5]]); // prettier-ignore
    const better = errorStream(7, [[2_000, 0.5], [500, 0.2]]); // prettier-ignore
    const seen = (values: readonly number[], direction: "up" | "down" | "both"): boolean =>
      alarmsOf(values, { ...USUAL, direction }).length > 0;
    expect([seen(worse, "up"), seen(worse, "down"), seen(worse, "both")]).toEqual([
      true,
      false,
      true,
    ]);
    expect([seen(better, "up"), seen(better, "down"), seen(better, "both")]).toEqual([
      ...[false, true, true],
    ]);
  });

  it("says the same of values in other units", () => {
    const random = new Random(8);
    const values = Array.from({ length: 3_000 }, (_, i) => random.normal(i < 2_500 ? 0 : 0.6));
    const alarms = alarmsOf(values);
    expect(alarms.length).toBeGreaterThan(0);
    expect(alarmsOf(values.map((value) => 1024 * value))).toEqual(alarms);
    const moved = alarmsOf(values.map((value) => value + 1_000_000));
    expect(moved).toEqual(alarms);
  });

  it("finds the first errors of a model that made none", () => {
    const stream = errorStream(9, [[1_000, 0], [100, 0.5]]); // prettier-ignore
    const [first] = alarmsOf(stream);
    expect(first).toBeGreaterThan(1_000);
    expect(first).toBeLessThan(1_100);
  });
});
