import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  decodeOptimizerState,
  encodeOptimizerState,
  learningRateAt,
  optimizerOf,
  type OptimizerState,
} from "@everfresh/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Continuation, StreamRate } from "./continuation.ts";
import { continuedOptimizer, scheduleOf } from "./continued-run.ts";
import { type Experiment, EXPERIMENTS } from "./experiment.ts";
import { runExperiment } from "./experiment-run.ts";
import { OPTIMIZERS } from "./optimizers.ts";
import { loadPaperData } from "./paper-data.ts";
import type { RowResult } from "./row-result.ts";
import { type ContinuedRow, rowName, type RowSpec } from "./row-spec.ts";
import { RowStore } from "./row-store.ts";

const PARAMETERS = 5;
const STEPS_BEFORE = 790;
const optimizer = optimizerOf(OPTIMIZERS.adam);

/** Moments that can be told apart, after {@link STEPS_BEFORE} steps. */
function moments(): OptimizerState {
  const state = optimizer.init(PARAMETERS);
  state.step = STEPS_BEFORE;
  state.slots.forEach((slot, i) => slot.fill(i + 1));
  return state;
}

function continued(continuation: Pick<Continuation, "moments"> & Partial<Continuation>): {
  readonly state: OptimizerState;
  readonly rateAt: (step: number) => number;
} {
  const { spec, optimizer: bytes } = continuedOptimizer(
    { rate: { kind: "constant", learningRate: 1e-3 }, ...continuation },
    {
      optimizer: encodeOptimizerState(optimizer, moments(), PARAMETERS),
      parameterCount: PARAMETERS,
      streamSteps: 900,
    },
  );
  const state = optimizer.init(PARAMETERS);
  decodeOptimizerState(bytes, optimizer, state, PARAMETERS);
  return { state, rateAt: (step) => learningRateAt(spec.learningRate, state.step + step) };
}

describe("the optimizer of a continued row", () => {
  it("has all that it had, or the second moments, or nothing", () => {
    const slots = ["firstMoment", "secondMoment", "secondMomentMax"];
    expect(optimizer.slots).toEqual(slots);
    const firsts = ({ step, slots: vectors }: OptimizerState): readonly number[] => [
      step,
      ...vectors.map((vector) => vector[PARAMETERS - 1] ?? Number.NaN),
    ];
    expect(firsts(continued({ moments: "both" }).state)).toEqual([STEPS_BEFORE, 1, 2, 3]);
    expect(firsts(continued({ moments: "second" }).state)).toEqual([STEPS_BEFORE, 0, 2, 3]);
    expect(firsts(continued({ moments: "none" }).state)).toEqual([0, 0, 0, 0]);
  });

  it.each(["both", "none"] as const)(
    "has its rate begin with the stream, whatever steps were before (moments: %s)",
    (kept) => {
      const rate: StreamRate = { kind: "rise", learningRate: 1e-3, steps: 100 };
      const { rateAt } = continued({ moments: kept, rate });
      expect(rateAt(0)).toBeCloseTo(1e-5, 12);
      expect(rateAt(50)).toBeCloseTo(0.505e-3, 12);
      expect(rateAt(100)).toBe(1e-3);
      expect(rateAt(899)).toBe(1e-3);
    },
  );
});

describe("the rate over a stream", () => {
  const stream = { stepsBefore: STEPS_BEFORE, streamSteps: 900 };
  const ratesOf = (rate: StreamRate): ((step: number) => number) => {
    const schedule = scheduleOf(rate, stream);
    return (step) => learningRateAt(schedule, STEPS_BEFORE + step);
  };

  it("is one number where it is constant", () => {
    expect(scheduleOf({ kind: "constant", learningRate: 3e-4 }, stream)).toBe(3e-4);
  });

  it("falls as the inverse square root of the steps after its rise", () => {
    const rate = ratesOf({ kind: "inverseSquareRoot", learningRate: 1e-3, riseSteps: 100 });
    expect(rate(50)).toBeCloseTo(0.505e-3, 12);
    for (const step of [100, 400, 899]) {
      expect(rate(step)).toBeCloseTo(1e-3 * Math.sqrt(100 / step), 12);
    }
  });

  it("falls to 0 with the end of the stream where it is a cosine", () => {
    const rate = ratesOf({ kind: "cosine", learningRate: 1e-3 });
    expect([0, 450, 900].map(rate)).toEqual([1e-3, expect.closeTo(5e-4, 12), 0]);
  });

  it("falls where each part begins but for the first", () => {
    const rate = ratesOf({ kind: "falling", learningRate: 1e-3, factor: 0.1, parts: 3 });
    const expected = [1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5];
    [0, 299, 300, 599, 600, 899].forEach((step, i) =>
      expect(rate(step)).toBeCloseTo(expected[i] ?? Number.NaN, 12),
    );
  });
});

/** 128 generated digits before the stream and 128 in it. */
const EXPERIMENT: Experiment = {
  ...EXPERIMENTS.mnist,
  ...{ initialSamples: 128, streamSamples: 128, testSamples: 100, checkpointTestSamples: 50 },
  epochs: 2,
};
const UNCHANGED: ContinuedRow = {
  ...{ kind: "continued", study: "warmStart", strategy: "proactive", moments: "both" },
  rate: { kind: "constant", learningRate: 1e-3 },
};
const ONLINE: ContinuedRow = { ...UNCHANGED, strategy: "online" };
const FRESH: ContinuedRow = { ...UNCHANGED, moments: "none" };
const SLOW: ContinuedRow = { ...UNCHANGED, rate: { kind: "constant", learningRate: 1e-5 } };
const COPY = { kind: "weights", compression: { selector: "topK", ratio: 0.01 } } as const;

describe("continued rows", () => {
  let directory = "";
  let rows: readonly RowResult[] = [];
  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), "everfresh-continued-"));
    const data = await loadPaperData(EXPERIMENT, null);
    const specs: readonly RowSpec[] = [
      ...[{ kind: "frozen" } as const, UNCHANGED, { ...COPY, of: UNCHANGED }, ONLINE, FRESH, SLOW],
      ...[{ kind: "proactive", triggerSize: 8 } as const, COPY, { kind: "online" } as const],
    ];
    const result = await runExperiment({
      experiment: EXPERIMENT,
      model: { name: "lenet5", file: null },
      data,
      seeds: [1],
      rows: specs,
      store: new RowStore(directory, {
        ...{ experiment: "mnist", model: "lenet5", initChecksum: null },
        ...{ epochs: EXPERIMENT.epochs, scale: 0.01, data: data.description },
      }),
      onProgress: () => undefined,
    });
    rows = result.rows;
  }, 120_000);
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const row = (spec: RowSpec): RowResult => {
    const found = rows.find(({ name }) => name === rowName(spec));
    if (found === undefined) throw new Error(`no row ${rowName(spec)}`);
    return found;
  };
  /** What a row came to, without what it is called and how long it took. */
  const valuesOf = (spec: RowSpec): object => ({
    ...row(spec),
    ...{ name: null, continuation: null, cost: null, trainSeconds: null },
  });

  it("are the paper's rows where they change nothing, and so are copies that follow them", () => {
    expect(valuesOf(UNCHANGED)).toEqual(valuesOf({ kind: "proactive", triggerSize: 8 }));
    expect(valuesOf({ ...COPY, of: UNCHANGED })).toEqual(valuesOf(COPY));
    expect(valuesOf(ONLINE)).toEqual(valuesOf({ kind: "online" }));
  });

  it("are other ones where the optimizer or its rate is another", () => {
    const accuracies = (spec: RowSpec): unknown => row(spec).curve;
    expect(accuracies(FRESH)).not.toEqual(accuracies(UNCHANGED));
    expect(accuracies(SLOW)).not.toEqual(accuracies(UNCHANGED));
    const moved = (spec: RowSpec): number =>
      Math.abs(row(spec).finalTestAccuracy - row({ kind: "frozen" }).finalTestAccuracy);
    expect(moved(SLOW)).toBeLessThan(moved(UNCHANGED));
  });

  it("say what was changed, and the paper's rows do not", () => {
    const { moments: kept, rate } = FRESH;
    expect(row(FRESH)).toMatchObject({ strategy: "proactive", mode: null, triggerSize: 8 });
    expect(row(FRESH).continuation).toEqual({ moments: kept, rate });
    expect(row(ONLINE)).toMatchObject({ strategy: "online", triggerSize: 128, steps: 1 });
    const copy = row({ ...COPY, of: UNCHANGED });
    expect(copy).toMatchObject({ mode: "weights", selector: "topK", ratio: 0.01 });
    expect(copy.continuation).toEqual({ moments: "both", rate: UNCHANGED.rate });
    expect(row(COPY)).not.toHaveProperty("continuation");
    expect(row({ kind: "online" })).not.toHaveProperty("continuation");
  });
});
