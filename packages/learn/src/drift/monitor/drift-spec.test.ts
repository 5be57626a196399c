import { describe, expect, it } from "vitest";
import { DriftMonitor } from "./drift-monitor.ts";
import { completeDriftSpec, defaultSignals, type DriftSpec } from "./drift-spec.ts";
import { inputMicrosOf, pinnedEveryOf, signalMicros, thinnedTo } from "./signal-cost.ts";

describe("a specification of drift", () => {
  it("has defaults for everything", () => {
    expect(completeDriftSpec({})).toEqual({
      ...{ signals: defaultSignals(), vote: "calibrated", falseAlarmEvery: 25_000 },
      weights: { data: 1, uncertainty: 1, error: 2 },
      ...{ falseWarningEvery: 6_250, changeEvery: 5_000, withinSamples: 1_000 },
      ...{ microsPerSample: 100, historyRecords: 1_000, heldLabels: 1_000 },
      ...{ embedding: {}, reconstruction: {}, members: 4 },
    });
  });

  const scan = { kind: "changeScan" } as const;
  it.each<[string, DriftSpec]>([
    ["falseAlarmEvery", { falseAlarmEvery: 999 }],
    ["falseWarningEvery", { falseAlarmEvery: 5_000, falseWarningEvery: 6_000 }],
    ["changeEvery", { changeEvery: NaN }],
    ["withinSamples", { withinSamples: 99 }],
    ["microsPerSample", { microsPerSample: 0 }],
    ["historyRecords", { historyRecords: 0 }],
    ["heldLabels", { heldLabels: -1 }],
    ["weights.data", { weights: { data: -1 } }],
    ["vote", { vote: "loudest" as never }],
    ["signals", { signals: [] }],
    ["the name of a signal", { signals: [{ name: "", input: "errors", detector: scan }] }],
    [
      "the name of a signal",
      {
        signals: ["errors", "loss"].map((input) => ({
          name: "a",
          input: input as "loss",
          detector: scan,
        })),
      },
    ],
    ["the input of", { signals: [{ name: "a", input: "mood" as never, detector: scan }] }],
    ["the detector of", { signals: [{ name: "a", input: "features", detector: scan }] }],
    [
      "everySamples of",
      { signals: [{ name: "a", input: "errors", detector: scan, everySamples: 1.5 }] },
    ],
    ["warmUp", { signals: [{ name: "a", input: "errors", detector: { ...scan, warmUp: 1 } }] }],
    [
      "recentSamples",
      {
        signals: [
          {
            name: "a",
            input: "features",
            detector: { kind: "twoSample", statistic: "ks", recentSamples: 1 },
          },
        ],
      },
    ],
  ])("is refused where %s is wrong", (option, spec) => {
    expect(() => completeDriftSpec(spec)).toThrow(
      expect.objectContaining({
        code: "EF_LEARN_OPTION",
        message: expect.stringContaining(option) as string,
      }),
    );
  });

  it("needs the length of an embedding that a signal looks at", () => {
    const signals = [
      { name: "embedding", input: "embedding", detector: { kind: "twoSample", statistic: "ks" } },
    ] as const;
    const make = (embedding?: number): DriftMonitor =>
      new DriftMonitor({
        ...{ spec: { signals }, features: 4, classes: 2, seed: 1 },
        ...(embedding === undefined ? {} : { embedding }),
      });
    expect(() => make()).toThrow("embedding must be its length: a signal looks at it, got 0");
    const monitor = make(100);
    monitor.predicted({
      ...{ sequence: 0, eventTimeMs: 0, version: 0, features: [1, 2, 3, 4], probabilities: [] },
      embedding: new Float32Array(100),
    });
    expect(monitor.status().signals[0]).toMatchObject({ taken: 1, ignored: 0 });
  });
});

describe("the cost budget", () => {
  const costly = {
    ...{ name: "costly", input: "features" as const },
    detector: { kind: "twoSample", statistic: "classifier" } as const,
  };
  const cheap = {
    name: "cheap",
    input: "errors" as const,
    detector: { kind: "changeScan" } as const,
  };

  it("lets every signal look at every sample where there is time for all", () => {
    expect(thinnedTo(1e6, [costly, cheap], [64, 1])).toEqual([1, 1]);
  });

  it("is kept by costly signals looking at fewer samples", () => {
    const micros = [signalMicros(costly, 64), signalMicros(cheap, 1)];
    for (const budget of [8, 20, 100]) {
      const every = thinnedTo(budget, [costly, cheap], [64, 1]);
      expect(every[1]).toBe(1);
      expect(every[0]).toBeGreaterThan(1);
      expect(micros[0]! / every[0]! + micros[1]! / every[1]!).toBeLessThanOrEqual(budget);
      // One more look in so many would be beyond it.
      expect(micros[0]! / (every[0]! - 1) + micros[1]! / every[1]!).toBeGreaterThan(budget);
    }
  });

  it("leaves alone what says itself how often it looks", () => {
    expect(thinnedTo(20, [{ ...costly, everySamples: 3 }, cheap], [64, 1])[0]).toBe(3);
    // Though it takes more than there is, a cheap one still looks at all.
    expect(thinnedTo(60, [{ ...costly, everySamples: 1 }, cheap], [5_000, 1])).toEqual([1, 1]);
  });

  it("counts what running a model takes, by its size and not by a clock", () => {
    const scan = { kind: "changeScan" } as const;
    const rows = { kind: "twoSample", statistic: "hellinger" } as const;
    const signals = (["embedding", "disagreement", "reconstruction", "errors"] as const).map(
      (input) => ({ name: input, input, detector: input === "embedding" ? rows : scan }),
    );
    const spec = completeDriftSpec({ signals, reconstruction: { code: 10 } });
    const numbers = [32, 1, 1, 1];
    for (const multiplications of [0, 425_000, 41_000_000]) {
      const inputs = inputMicrosOf(spec, 784, multiplications);
      const every = thinnedTo(100, signals, numbers, inputs);
      const micros = signals.map((signal, i) => signalMicros(signal, numbers[i] ?? 1, inputs));
      const taken = micros.reduce((sum, own, i) => sum + own / (every[i] ?? 1), 0);
      if (multiplications < 1e6) expect(taken).toBeLessThanOrEqual(100);
      // Four members are asked four times; what costs nothing is looked at always.
      expect(inputs.disagreement).toBe(4 * (inputs.embedding ?? 0));
      expect(every[1]).toBeGreaterThan(every[0] ?? Infinity);
      expect(every[3]).toBe(1);
    }
    // Of LeNet-5: measured, 138 µs for an embedding alone and 204 µs for a prediction on a busy machine.
    expect(inputMicrosOf(spec, 784, 425_000).embedding).toBeCloseTo(166, 0);
    expect(inputMicrosOf(spec, 784).reconstruction).toBeCloseTo(60 + (2 * 784 * 10) / 4_000, 6);
  });

  it("lets the pinned state predict fewer samples where nobody else wants that of it", () => {
    const spec = completeDriftSpec({});
    expect(pinnedEveryOf(spec, 1_000)).toBe(1);
    expect(pinnedEveryOf(spec, 425_000)).toBe(5);
    expect(pinnedEveryOf({ ...spec, microsPerSample: 1_000 }, 425_000)).toBe(1);
    expect(pinnedEveryOf(spec, 1e12)).toBe(1_000);
  });

  it("is shown as the part of the stream that a signal looks at", () => {
    const monitor = new DriftMonitor({
      ...{
        spec: { signals: [cheap, { ...costly, everySamples: 4 }] },
        features: 2,
        classes: 2,
        seed: 1,
      },
    });
    for (let sequence = 0; sequence < 8; sequence++) {
      monitor.predicted({
        sequence,
        eventTimeMs: 0,
        version: 0,
        features: [1, 2],
        probabilities: [1, 0],
      });
    }
    const shown = monitor.status().signals.map(({ share, taken }) => [share, taken]);
    expect(shown).toEqual([
      [1, 0],
      [0.25, 2],
    ]);
  });
});
