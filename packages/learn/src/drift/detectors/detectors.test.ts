import { Random } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { detectorOf } from "./detector-of.ts";
import type { DetectorSpec } from "./detector-spec.ts";
import { signalConformance } from "../signal.conformance.ts";

/** Errors at one rate, then at another. */
function errorStream(rates: readonly (readonly [count: number, rate: number])[]): number[] {
  const random = new Random(3);
  return rates.flatMap(([count, rate]) =>
    Array.from({ length: count }, () => (random.float() < rate ? 1 : 0)),
  );
}

const bits = fc.constantFrom(0, 1);
const numbers = fc.double({ min: -5, max: 5, noNaN: true });
const alarming = errorStream([
  [400, 0.1],
  [400, 0.8],
]);

const SPECS: {
  readonly [K in DetectorSpec["kind"]]: readonly (readonly [DetectorSpec, number])[];
} = {
  ecdd: [[{ kind: "ecdd" }, 30]],
  pageHinkley: [
    [{ kind: "pageHinkley" }, 30],
    [{ kind: "pageHinkley", direction: "up", threshold: 10 }, 30],
  ],
  cusum: [
    [{ kind: "cusum" }, 30],
    [{ kind: "cusum", direction: "both", threshold: 20 }, 30],
  ],
  adwin: [
    [{ kind: "adwin" }, 32],
    [{ kind: "adwin", bucketsMax: 3, everySamples: 1 }, 10],
  ],
  ddm: [[{ kind: "ddm" }, 31]],
  eddm: [[{ kind: "eddm", warmUp: 10 }, 11]],
  hddmA: [
    [{ kind: "hddmA" }, 2],
    [{ kind: "hddmA", direction: "both" }, 2],
  ],
  hddmW: [
    [{ kind: "hddmW" }, 2],
    [{ kind: "hddmW", direction: "both" }, 2],
  ],
  kswin: [[{ kind: "kswin", seed: 4 }, 100]],
  changeScan: [
    [{ kind: "changeScan", warmUp: 100 }, 100],
    [{ kind: "changeScan", warmUp: 100, direction: "both" }, 100],
  ],
};

/** Those that take any number, not only 0 to 1. */
const OF_NUMBERS = new Set(["pageHinkley", "cusum", "adwin", "kswin", "changeScan"]);

for (const [kind, specs] of Object.entries(SPECS)) {
  for (const [spec, warmUp] of specs) {
    const isOfNumbers = OF_NUMBERS.has(kind);
    signalConformance(JSON.stringify(spec), {
      make: () => detectorOf(spec),
      values: isOfNumbers ? fc.oneof(bits, numbers) : bits,
      warmUp,
      missing: isOfNumbers ? -Infinity : 1.5,
      alarming,
      other: { kind: kind === "ddm" ? "cusum" : "ddm", numbers: [0, 0, 0, 0, 0, 0, 0, 0] },
    });
  }
}

describe("every detector", () => {
  const all = Object.values(SPECS).flatMap((specs) => specs.map(([spec]) => spec));

  it.each(all)("%j ignores NaN and a constant stream", (spec) => {
    for (const constant of [0, 1]) {
      const detector = detectorOf(spec);
      const stream = Array.from({ length: 4_000 }, (_, i) => (i % 2 === 0 ? NaN : constant));
      expect(stream.filter((value) => detector.update(value) !== "stable")).toEqual([]);
      expect(detector.reading()).toMatchObject({ ignored: 2_000, taken: 2_000, alarms: 0 });
    }
  });

  it.each(all)("%j sees errors that become seven times as many", (spec) => {
    const detector = detectorOf(spec);
    const stream = errorStream([
      [500, 0.1],
      [500, 0.7],
    ]);
    const at = stream.findIndex((value, i) => detector.update(value) === "drift" && i >= 500);
    expect(at).toBeGreaterThanOrEqual(500);
    expect(at).toBeLessThan(700);
  });

  it.each([
    [{ kind: "ecdd", smoothing: 0 }, "smoothing must be a finite number above 0, at most 1, got 0"],
    [{ kind: "ecdd", averageRunLength: 500 as never }, "averageRunLength must be 100, 400 or 1000"],
    [{ kind: "pageHinkley", threshold: NaN }, "threshold must be a finite number above 0, got NaN"],
    [{ kind: "cusum", delta: -1 }, "delta must be a finite number of at least 0, got -1"],
    [{ kind: "adwin", bucketsMax: 65 }, "bucketsMax must be a whole number of 1 to 64, got 65"],
    [{ kind: "ddm", driftDeviations: 1 }, "driftDeviations must be a finite number of at least 2"],
    [
      { kind: "eddm", driftBelow: 0.99 },
      "driftBelow must be a finite number above 0, at most 0.95",
    ],
    [{ kind: "hddmA", warningConfidence: 1e-4 }, "warningConfidence must be a finite number of at"],
    [
      { kind: "hddmW", driftConfidence: 1 },
      "driftConfidence must be a finite number above 0, below",
    ],
    [{ kind: "kswin", windowSamples: 50 }, "windowSamples must be a whole number of 60 to 10000"],
    [{ kind: "changeScan", falseAlarmEvery: 10 }, "falseAlarmEvery must be a finite number of at"],
    [{ kind: "changeScan", warmUp: 99 }, "warmUp must be a whole number of 100 or more, got 99"],
  ] satisfies readonly (readonly [DetectorSpec, string])[])("%j is refused", (spec, message) => {
    expect(() => detectorOf(spec)).toThrow(message);
  });
});
