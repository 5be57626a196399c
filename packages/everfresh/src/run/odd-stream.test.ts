/** What is odd about a stream, in whole runs: it is counted, and nothing stops. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { classes, pipeline, Random, type Sample } from "@everfresh/core";
import { adam, mlp } from "@everfresh/engine";
import type { Source } from "@everfresh/streams";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ModelDefinition } from "../config/define-model.ts";
import { sparse } from "../config/sparse.ts";
import { readStored, type StoredDrift } from "../drift/drift-history.ts";
import { definitionOf, train } from "./points-run.fixture.ts";

const FEATURES = 6;
/** Of 16 samples each. */
const STEPS = 15;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-odd-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Points around three centres, of which `odd` makes something else. */
function stream(odd: (sample: Sample, n: number) => Sample): Source {
  return {
    name: "points",
    size: null,
    schema: { features: { dtype: "float32", shape: [FEATURES] }, target: classes(3) },
    async *read({ from = 0 } = {}) {
      for (let n = from; ; n++) {
        await Promise.resolve();
        const random = new Random(1, n);
        const label = random.below(3);
        const features = Float32Array.from({ length: FEATURES }, (_, i) =>
          random.normal(i % 3 === label ? 1 : 0, 0.7),
        );
        yield odd({ id: `points-${n}`, eventTimeMs: 1e12 + n, features, label }, n);
      }
    },
  };
}

function definition(
  odd: (sample: Sample, n: number) => Sample,
  more: Partial<ModelDefinition> = {},
): ModelDefinition {
  const model = mlp({ inputs: FEATURES, hidden: [8], outputs: 3, seed: 2 });
  const how = { deploy: sparse({ ratio: 0.2 }), optimizer: adam({ learningRate: 3e-3 }) };
  const source = stream(odd);
  return { ...definitionOf(model, how), source: () => Promise.resolve(source), drift: {}, ...more };
}

async function watched(made: ModelDefinition, steps: number = STEPS): Promise<StoredDrift> {
  const { directory } = await train(path.join(folder, "state"), made, steps);
  const stored = readStored(directory.driftFile);
  if (stored === null) throw new Error("drift was watched");
  return stored;
}

const changed = (sample: Sample, change: (features: Float32Array) => void): Sample => {
  const features = Float32Array.from(sample.features as Float32Array);
  change(features);
  return { ...sample, features };
};

const isHole = (n: number): boolean => n % 10 === 7;
const withHoles = (sample: Sample, n: number): Sample =>
  isHole(n) ? changed(sample, (features) => features.fill(NaN, 2, 4)) : sample;

describe("a run on a stream that is odd", () => {
  it("counts features that were missing, also where preprocessing fills them in", async () => {
    const columns = ["a", "b", "c", "d", "e", "f"];
    const input = pipeline({
      raw: { kind: "numbers", columns },
      branches: [{ columns, steps: [{ kind: "impute", with: "mean" }] }],
    });
    const { status } = await watched(definition(withHoles, { input }));
    expect(status.samples).toBeGreaterThanOrEqual(16 * STEPS);
    const holes = Array.from({ length: status.samples }, (_, n) => n).filter(isHole).length;
    expect(status.counts).toMatchObject({ missingFeatures: 2 * holes, ignored: 0 });
  });

  it("ends with a clear error where they are left to a model that cannot take them", async () => {
    const failed = expect.objectContaining({ code: "EF_NON_FINITE_LOSS" }) as Error;
    await expect(watched(definition(withHoles))).rejects.toThrow(failed);
  });

  it("counts event times that go back, and is calm about a feature that never changes", async () => {
    const isLate = (n: number): boolean => n % 10 === 5;
    const odd = (sample: Sample, n: number): Sample => ({
      ...changed(sample, (features) => void (features[5] = 1)),
      eventTimeMs: sample.eventTimeMs - (isLate(n) ? 500 : 0),
    });
    const { status, records } = await watched(definition(odd));
    const late = Array.from({ length: status.samples }, (_, n) => n).filter(isLate).length;
    const { clockBackwards, ...others } = status.counts;
    expect(clockBackwards).toBe(late);
    expect(Object.values(others).every((count) => count === 0)).toBe(true);
    expect(status.labelled).toBe(status.samples);
    expect(records).toEqual([]);
  });

  it("takes a class that has never come before for a change, and names it", async () => {
    const withoutIt = 400;
    const rare = (sample: Sample, n: number): Sample =>
      n < withoutIt && sample.label === 2 ? { ...sample, label: 1 } : sample;
    const { status, records } = await watched(definition(rare), 36);
    expect(status.counts).toMatchObject({ unseenClasses: 0, ignored: 0 });
    expect(status.labelled).toBe(status.samples);
    const [drift] = records.filter(({ verdict }) => verdict === "drift");
    expect(drift?.at.sequence).toBeGreaterThan(withoutIt);
    expect(drift?.explanation).toMatch(/errors went from .*most in class 2 \(\+/);
  });
});
