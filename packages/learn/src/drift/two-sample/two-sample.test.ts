import { Random } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blockLength, blockPositions } from "./block-bootstrap.ts";
import { inflationOf, type Rows } from "./rows.ts";
import type { SignalCheckpoint } from "../signal.ts";
import type { RowSignal } from "./row-signal.ts";
import { signalConformance } from "../signal.conformance.ts";
import { twoSampleSignal } from "./two-sample.ts";
import type { TwoSampleSpec, TwoSampleStatistic } from "./two-sample-spec.ts";

const STATISTICS: { readonly [K in TwoSampleStatistic]: null } = {
  ...{ hellinger: null, psi: null, ks: null, mmd: null, classifier: null, density: null },
};
const ALL = Object.keys(STATISTICS) as TwoSampleStatistic[];

/** Small windows and few resamples, so that many streams can be played. */
function small(statistic: TwoSampleStatistic, features = 2): TwoSampleSpec {
  return {
    ...{ kind: "twoSample", statistic, features, referenceSamples: 80, recentSamples: 40 },
    ...{ everySamples: 20, resamples: 99, falseAlarmEvery: 2_000 },
  };
}

/** Rows of an autoregression with variance 1 whose mean and size change. */
function rowsOf(
  seed: number,
  parts: readonly { readonly count: number; readonly mean?: number; readonly scale?: number }[],
  correlation = 0,
): number[][] {
  const random = new Random(seed, 9);
  const last = [0, 0];
  return parts.flatMap(({ count, mean = 0, scale = 1 }) =>
    Array.from({ length: count }, () =>
      last.map((value, i) => {
        const next = correlation * value + Math.sqrt(1 - correlation ** 2) * random.normal();
        last[i] = next;
        // The second feature stays as it is.
        return i === 0 ? mean + scale * next : next;
      }),
    ),
  );
}

for (const statistic of ALL) {
  signalConformance(statistic, {
    make: () => twoSampleSignal(small(statistic)),
    values: fc.tuple(
      fc.double({ min: -3, max: 3, noNaN: true }),
      fc.oneof(fc.double({ min: -3, max: 3, noNaN: true }), fc.constant(NaN)),
    ),
    warmUp: 120,
    runs: 4,
    missing: [NaN, NaN],
    alarming: rowsOf(1, [{ count: 160 }, { count: 160, mean: 3, scale: 2 }]),
    other: { kind: "ddm", numbers: [0, 0, 0, 0, 0, 0, 0, 0] },
  });
}

describe.each(ALL)("the signal of %s", (statistic) => {
  it("keeps its budget on a correlated stream", () => {
    let alarms = 0;
    for (let seed = 0; seed < 6; seed++) {
      const signal = twoSampleSignal(small(statistic));
      for (const row of rowsOf(seed, [{ count: 800 }], 0.5)) signal.update(row);
      alarms += signal.reading().alarms;
    }
    // 4,800 rows with one false alarm in 2,000: fewer than 3 are expected.
    expect(alarms).toBeLessThanOrEqual(7);
  });

  it("sees a feature move", () => {
    const signal = twoSampleSignal(small(statistic));
    const rows = rowsOf(2, [{ count: 160 }, { count: 100, mean: 2, scale: 2 }]);
    const at = rows.findIndex((row) => signal.update(row) === "drift");
    expect(at).toBeGreaterThanOrEqual(160);
    const [first = 0, second = -Infinity] = signal.parts();
    // Whole rows have one part.
    expect(first).toBeGreaterThan(second);
    expect(signal.reading().value).toBe(first);
  });

  it("is calm about constant features, and about one odd value among them", () => {
    const signal = twoSampleSignal({ ...small(statistic), recentSamples: 80 });
    const rows = Array.from({ length: 300 }, (_, i) => [5, i === 150 ? 7 : 1]);
    expect(rows.filter((row) => signal.update(row) === "drift")).toEqual([]);
    expect(signal.reading().ignored).toBe(0);
  });

  it("compares with a pinned reference", () => {
    const [signal, twin] = [twoSampleSignal(small(statistic)), twoSampleSignal(small(statistic))];
    const rows = rowsOf(5, [{ count: 200 }]);
    signal.pin(rows.slice(0, 80));
    for (const row of rows.slice(0, 80)) twin.update(row);
    for (const row of rows.slice(80)) expect(signal.update(row)).toBe(twin.update(row));
    expect(signal.checkpoint()).toEqual(twin.checkpoint());
    expect(() => signal.pin(rows)).toThrow("reference must be 80 rows of 2 numbers, got 200 rows");
  });
});

describe("two-sample signals", () => {
  it.each(["hellinger", "psi", "ks", "density"] as const)(
    "%s sees a feature go missing",
    (kind) => {
      const signal = twoSampleSignal(small(kind));
      const rows = rowsOf(3, [{ count: 300 }]);
      const at = rows.findIndex(([first, second], i) => {
        const holed = i >= 160 && i % 3 > 0 ? NaN : first;
        return signal.update([holed!, second!]) === "drift";
      });
      expect(at).toBeGreaterThan(160);
    },
  );

  it("ignores rows of another length", () => {
    const signal = twoSampleSignal(small("ks"));
    expect(signal.update([1])).toBe("stable");
    expect(signal.update([1, 2, 3])).toBe("stable");
    expect(signal.reading()).toMatchObject({ ignored: 2, taken: 0 });
  });

  it.each([
    [{ features: 0 }, "features must be a whole number from 1 to 1024, got 0"],
    [{ recentSamples: 81 }, "recentSamples must be a whole number from 10 to 80, got 81"],
    [
      { falseAlarmEvery: 9_000 },
      "falseAlarmEvery must be from 40 to (resamples + 1) · everySamples",
    ],
    [{ falseWarningEvery: 9_000 }, "falseWarningEvery must be from 20 to 2000, got 9000"],
  ] as const)("%j is refused", (part, message) => {
    expect(() => twoSampleSignal({ ...small("ks"), ...part })).toThrow(message);
  });
});

describe("after a change that was none", () => {
  /** Rows that stay alike for some hundred, under twice as much noise. */
  const alike = (seed: number, count: number): number[][] => {
    const noise = new Random(seed, 10);
    return rowsOf(seed, [{ count }], 0.99).map((row) => row.map((x) => x + 2 * noise.normal()));
  };
  const spec: TwoSampleSpec = { ...small("hellinger"), referenceSamples: 250, recentSamples: 100 };

  it("has few false alarms where rows stay alike for long", () => {
    const alarmsOf = (isTold: boolean): number => {
      const signal = twoSampleSignal({ kind: "twoSample", statistic: "hellinger", features: 2 });
      let drift = Infinity;
      for (const [i, row] of alike(1, 60_000).entries()) {
        if (signal.update(row) === "drift") drift = i;
        if (isTold && i === drift + 300) signal.mistaken();
      }
      return signal.reading().alarms;
    };
    // The budget allows for 3 in 60,000; such memory is as long as the blocks.
    expect(alarmsOf(false)).toBeGreaterThan(25);
    expect(alarmsOf(true)).toBeLessThanOrEqual(12);
  });

  it("still sees a feature move, once its reference is long, too", () => {
    for (const count of [400, 1_400]) {
      const signal = twoSampleSignal(spec);
      signal.mistaken();
      const rows = rowsOf(4, [{ count }, { count: 100, mean: 2 }]);
      const at = rows.findIndex((row) => signal.update(row) === "drift");
      expect(at).toBeGreaterThanOrEqual(count);
    }
  });

  it("keeps its rows, and goes on from a checkpoint at every length of the reference", () => {
    const rows = rowsOf(6, [{ count: 1_500 }]);
    const signal = twoSampleSignal(spec);
    const played = (each: RowSignal, from: number, to: number): unknown[] =>
      rows.slice(from, to).map((row) => [each.update(row), each.evidence(), ...each.parts()]);
    played(signal, 0, 200);
    signal.mistaken();
    expect(signal.reading().taken).toBe(200);
    // While its first rows come, then with 250, 500 and 1,000 rows, and while resamples are made anew.
    let from = 200;
    for (const at of [240, 520, 640, 900, 1_150, 1_350]) {
      played(signal, from, at);
      const twin = twoSampleSignal(spec);
      twin.restore(JSON.parse(JSON.stringify(signal.checkpoint())) as SignalCheckpoint);
      from = at + 100;
      expect(played(twin, at, from)).toEqual(played(signal, at, from));
    }
  });

  it("stays wary after a reset, and in a signal that is restored from one that was not", () => {
    const [signal, plain] = [twoSampleSignal(spec), twoSampleSignal(spec)];
    const rows = rowsOf(7, [{ count: 700 }]);
    signal.mistaken();
    for (const each of [signal, plain]) rows.forEach((row) => each.update(row));
    expect(signal.checkpoint().numbers.length).toBeGreaterThan(plain.checkpoint().numbers.length);
    const known = plain.checkpoint();
    plain.restore(signal.checkpoint());
    expect(plain.checkpoint()).toEqual(signal.checkpoint());
    plain.restore(known);
    expect(plain.checkpoint()).toEqual(known);
    signal.reset();
    rows.forEach((row) => signal.update(row));
    expect(signal.checkpoint().numbers.length).toBeGreaterThan(known.numbers.length);
  });
});

it("the memory of a constant is none, whatever rounding leaves of it", () => {
  const random = new Random(3, 11);
  const rows = (constant: number): Rows => ({
    ...{ count: 500, features: 2 },
    data: Float64Array.from({ length: 1_000 }, (_, i) =>
      i % 2 === 0 ? constant : random.normal(),
    ),
  });
  // The sum of 500 of these is not 500 times one of them.
  expect(inflationOf(rows((0 - 0.1307) / 0.3081))).toBeLessThan(2);
  expect(inflationOf(rows(NaN))).toBeLessThan(2);
});

describe("a block bootstrap", () => {
  it("draws blocks that wrap around, from everywhere alike", () => {
    const random = new Random(1);
    const counts = new Array<number>(20).fill(0);
    for (let i = 0; i < 400; i++) {
      const positions = blockPositions(random, { length: 10, from: 20, block: 4 });
      positions.forEach((position, at) => {
        counts[position] = counts[position]! + 1;
        if (at % 4 > 0) expect(position).toBe((positions[at - 1]! + 1) % 20);
      });
    }
    // 200 each; dependent in fours, so the deviation is at most 2 · √200.
    for (const count of counts) expect(Math.abs(count - 200)).toBeLessThan(5 * 2 * Math.sqrt(200));
  });

  it("has longer blocks the longer the memory is", () => {
    expect([1, 1.1, 3, 10, 1e3].map((inflation) => blockLength(inflation, 500))).toEqual([
      ...[1, 1, 9, 30, 62],
    ]);
  });
});
