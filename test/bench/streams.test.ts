import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it, vi } from "vitest";
import { streams } from "../../bench/streams.ts";
import { EXPERIMENTS, type StreamExperiment } from "../../bench/streams/experiments.ts";
import { storedRow, storeRow } from "../../bench/streams/row-folder.ts";
import { curveOf, type StreamRow, WINDOW } from "../../bench/streams/row.ts";
import { recoverySamples, spreadOf, summariesOf } from "../../bench/streams/summary.ts";

const folder = mkdtempSync(path.join(tmpdir(), "everfresh-bench-streams-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the curve of a row", () => {
  it("has the accuracy over the newest 500 samples, or all while there are fewer", () => {
    const outcomes = fc.uint8Array({ min: 0, max: 1, maxLength: 1_400 });
    fc.assert(
      fc.property(outcomes, fc.integer({ min: 1, max: 300 }), (hits, every) => {
        const expected = Array.from({ length: Math.floor(hits.length / every) }, (_, i) => {
          const newest = hits.subarray(Math.max(0, (i + 1) * every - WINDOW), (i + 1) * every);
          return newest.reduce((sum, hit) => sum + hit, 0) / newest.length;
        });
        expect(curveOf(hits, every)).toEqual(expected);
      }),
    );
  });
});

describe("recovery from a drift", () => {
  const curveEvery = 100;
  const reference = { curve: new Array<number>(40).fill(0.98) };
  /** Accuracy 0.98 up to a sample, then 0.2, and 0.975 from another one on. */
  const curve = (lowFrom: number, lowTo: number): { curve: number[]; curveEvery: number } => ({
    curve: reference.curve.map((accuracy, i) => {
      const samples = (i + 1) * curveEvery;
      return samples < lowFrom ? accuracy : samples < lowTo ? 0.2 : 0.975;
    }),
    curveEvery,
  });

  it("is counted from the change to the first window within a point of the reference", () => {
    expect(recoverySamples(curve(1_100, 2_700), reference, 1_000)).toBe(1_700);
    expect(recoverySamples(curve(1_100, 9_000), reference, 1_000)).toBeNull();
  });

  it("looks at windows of the new concept only, of which the first ends 500 samples later", () => {
    expect(recoverySamples(curve(1_100, 1_200), reference, 1_000)).toBe(500);
  });

  it("takes no accuracy that is more than a point below", () => {
    const low = { curve: reference.curve.map(() => 0.969), curveEvery };
    expect(recoverySamples(low, reference, 1_000)).toBeNull();
  });
});

describe("a summary", () => {
  it("has mean and deviation over the seeds, and points below the best", () => {
    expect(spreadOf([0.7, 0.8, 0.9])).toEqual({
      mean: expect.closeTo(0.8, 12) as number,
      deviation: expect.closeTo(0.1, 12) as number,
    });
    expect(spreadOf([0.5])).toEqual({ mean: 0.5, deviation: 0 });
    const experiment = EXPERIMENTS["sea"]!;
    const rows = [row("frozen", 1, 0.8), row("frozen", 2, 0.9), row("uniform", 1, 0.87)];
    const [first, second] = summariesOf(experiment, rows);
    expect(first).toMatchObject({ strategy: "frozen", seeds: 2 });
    expect(first!.belowBest).toBeCloseTo(0.02, 12);
    expect(second).toMatchObject({ strategy: "uniform", seeds: 1, belowBest: 0 });
  });

  it("compares with the reference of the same seed, which is no rival itself", () => {
    const [name, recovers, reference] = ["uniform", 0.9, "reference"];
    const experiment: StreamExperiment = {
      ...EXPERIMENTS["mnist-rotation-abrupt"]!,
      drift: { fromSample: 10_500, overSamples: 0 },
    };
    const rows = [row(name, 1, recovers), row(reference, 1, 0.91), row(reference, 2, 1)];
    const summaries = summariesOf(experiment, rows);
    const found = summaries.find(({ strategy }) => strategy === name);
    expect(found).toMatchObject({ belowBest: 0, recovery: { samples: { reference: [500] } } });
  });
});

describe("the folder of rows", () => {
  it("gives a row back, and none of another scale, length or lag", () => {
    const stored = { ...row("uniform", 3, 0.75), lag: 500 };
    storeRow(folder, stored);
    expect(storedRow(folder, stored)).toEqual(stored);
    expect(storedRow(folder, { ...stored, scale: 0.5 })).toBeNull();
    expect(storedRow(folder, { ...stored, samples: stored.samples + 1 })).toBeNull();
    expect(storedRow(folder, { ...stored, lag: 0 })).toBeNull();
  });
});

describe("the bench of streams", () => {
  it("measures what is missing, and nothing twice", async () => {
    const out = path.join(folder, "rows");
    const figures = path.join(folder, "figures");
    const bench = (...more: string[]): Promise<Printed> =>
      printed(() =>
        streams([
          ...["--experiment", "sea", "--scale", "0.02", "--lag", "50", "--seeds", "1"],
          ...["--out", out, ...more],
        ]),
      );
    const tables = await bench("--strategies", "frozen,uniform", "--figures", figures);
    expect(tables.output).toMatch(/^SEA, 900 samples, labels 50 samples late, 1 seeds:/);
    expect(tables.output).toMatch(/\| frozen \| \d\d\.\d\d ± 0\.00 \|/);
    expect(tables.progress.match(/sea, lag 50, seed 1/g)).toHaveLength(2);
    expect(readdirSync(figures)).toEqual(["streams-sea-lag-50.svg"]);
    const figure = readFileSync(path.join(figures, "streams-sea-lag-50.svg"), "utf8");
    expect(figure).toContain("SEA, labels 50 samples late");

    const key = { experiment: "sea", lag: 50, seed: 1, scale: 0.02 };
    const before = ["frozen", "uniform"].map((strategy) => storedRow(out, { ...key, strategy }));
    const again = await bench("--strategies", "frozen,uniform,online", "--json");
    expect(again.progress.match(/seed 1, (\w+)/g)).toEqual(["seed 1, online"]);
    const [{ rows }] = JSON.parse(again.output) as [{ rows: StreamRow[] }];
    expect(rows.filter(({ strategy }) => strategy !== "online")).toEqual(before);
    const trained = before[1]!;
    // The labels of the last 50 of 900 samples come together at the end.
    expect(trained).toMatchObject({ samples: 900, costs: { steps: Math.ceil(900 / 8) } });
    expect(trained.accuracy).toBeGreaterThan(trained.majorityAccuracy);
  }, 30_000);
});

interface Printed {
  readonly output: string;
  readonly progress: string;
}

/** What a command writes, which succeeds. */
async function printed(command: () => Promise<number>): Promise<Printed> {
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  const error = vi.spyOn(console, "error").mockImplementation(() => undefined);
  try {
    expect(await command()).toBe(0);
    const written = (spy: typeof log): string => spy.mock.calls.flat().join("\n");
    return { output: written(log), progress: written(error) };
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
}

function row(strategy: string, seed: number, accuracy: number): StreamRow {
  return {
    ...{ experiment: "sea", lag: 0, seed, strategy, scale: 1, samples: 2_000, accuracy },
    ...{ kappaTemporal: null, noChangeAccuracy: 0.5, majorityAccuracy: 0.6, curveEvery: 500 },
    curve: new Array<number>(4).fill(accuracy),
    costs: {
      ...{ preprocessSeconds: 0, trainSeconds: 0, evaluateSeconds: 0, selectSeconds: 0 },
      ...{ encodeSeconds: 0, steps: 0, samples: 0, iterations: 0, iterationSecondsMax: 0 },
    },
  };
}
