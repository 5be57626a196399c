import { readFileSync } from "node:fs";
import { tensor } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { UntrainableModelError } from "../errors.ts";
import { GraphBuilder, type Value } from "../graph/builder.ts";
import { runOnnx } from "../onnx/execution.fixture.ts";
import { writeOnnx } from "../onnx/write.ts";
import { emitLoss, type LossSpec, targetOf } from "./loss-of.ts";

interface Case {
  readonly name: string;
  readonly spec: LossSpec;
  readonly targets: readonly number[];
  /** By torch's own reduction, every sample with weight 1. */
  readonly mean: number;
  /** Σ weight · loss, and its gradient with respect to the logits. */
  readonly loss: number;
  readonly gradient: readonly number[];
}

// Made by bench/peers/golden_losses.py with torch in float64.
const golden = JSON.parse(
  readFileSync(new URL("./losses.golden.json", import.meta.url), "utf8"),
) as {
  readonly shape: readonly [number, number];
  readonly logits: readonly number[];
  readonly weights: readonly number[];
  readonly cases: readonly Case[];
};
const [SAMPLES, OUTPUTS] = golden.shape;
const ONES = golden.weights.map(() => 1);
const SPECS = golden.cases.map(({ name, spec, targets }) => ({ name, spec, targets }));

interface Computed {
  readonly loss: number;
  readonly gradient: readonly number[];
  readonly totalWeight: number;
}

/** Loss, gradient and total weight of logits [samples, ...shape]. */
async function compute(
  spec: LossSpec,
  values: { logits: readonly number[]; targets: readonly number[]; weights: readonly number[] },
  shape: readonly number[] = [OUTPUTS],
): Promise<Computed> {
  const { logits, targets, weights } = values;
  const samples = weights.length;
  const target = targetOf(spec, shape);
  const builder = new GraphBuilder(["z", "y", "w"]);
  const z: Value = { name: "z", dtype: "float32", shape: [samples, ...shape] };
  const y: Value =
    target.kind === "classIndex"
      ? { name: "y", dtype: "int64", shape: [samples] }
      : { name: "y", dtype: "float32", shape: [samples, ...target.shape] };
  const w: Value = { name: "w", dtype: "float32", shape: [samples] };
  const emitted = emitLoss(spec, { builder, output: z, targets: y, weights: w });
  const { loss, outputGradient, totalWeight } = emitted;
  expect(outputGradient.shape).toEqual(z.shape);
  expect(loss.shape).toEqual([]);
  const outputs = [
    { name: "loss", value: loss },
    { name: "gradient", value: outputGradient },
    ...(totalWeight === null ? [] : [{ name: "totalWeight", value: totalWeight }]),
  ];
  const built = builder.finish({ inputs: [z, y, w], state: [], outputs });
  const onnx = writeOnnx({ ...built, name: "loss", initialisers: built.constants });
  const results = await runOnnx(onnx, {
    z: tensor("float32", z.shape, Float32Array.from(logits)),
    y:
      y.dtype === "int64"
        ? tensor("int64", y.shape, BigInt64Array.from(targets, BigInt))
        : tensor("float32", y.shape, Float32Array.from(targets)),
    w: tensor("float32", w.shape, Float32Array.from(weights)),
  });
  return {
    loss: Number(results["loss"]!.data[0]),
    // −0 + 0 is 0: the sign of a zero does not matter.
    gradient: Array.from(results["gradient"]!.data, Number).map((value) => value + 0),
    totalWeight: Number(
      results["totalWeight"]?.data[0] ?? weights.reduce((sum, weight) => sum + weight, 0),
    ),
  };
}

const { logits, weights } = golden;

describe("losses", () => {
  it.each(golden.cases)("$name has torch's loss and gradient", async (golden) => {
    const { loss, gradient } = await compute(golden.spec, { ...golden, logits, weights });
    expect(Math.abs(loss / golden.loss - 1)).toBeLessThan(2e-6);
    const largest = Math.max(...golden.gradient.map(Math.abs));
    gradient.forEach((value, i) => {
      expect(Math.abs(value - golden.gradient[i]!) / largest, `number ${i}`).toBeLessThan(1e-6);
    });
  });

  it.each(golden.cases)("$name has torch's mean", async ({ spec, targets, mean }) => {
    const { loss, totalWeight } = await compute(spec, { logits, targets, weights: ONES });
    expect(Math.abs(loss / totalWeight / mean - 1)).toBeLessThan(2e-6);
  });

  it.each(SPECS)("$name adds exactly 0 for samples of weight 0", async ({ spec, targets }) => {
    const integer = targetOf(spec, [OUTPUTS]).kind === "classIndex";
    const each = integer ? 1 : OUTPUTS;
    const expected = await compute(spec, { logits, targets, weights });
    for (const garbage of integer ? [-1, 4, 2 ** 31 - 1] : [NaN, Infinity, -1e30]) {
      // Sample 1 has weight 0.
      const poisoned = targets.with(each, garbage).with(2 * each - 1, garbage);
      expect(await compute(spec, { logits, targets: poisoned, weights })).toEqual(expected);
    }
    expect(expected.gradient.slice(OUTPUTS, 2 * OUTPUTS)).toEqual([0, 0, 0, 0]);
  });

  it.each(SPECS)("$name adds up over the parts of a batch", async ({ spec, targets }) => {
    const each = targets.length / SAMPLES;
    const whole = await compute(spec, { logits, targets, weights });
    const parts = await Promise.all(
      [
        [0, 2],
        [2, SAMPLES],
      ].map(([from = 0, to = 0]) =>
        compute(spec, {
          logits: logits.slice(from * OUTPUTS, to * OUTPUTS),
          targets: targets.slice(from * each, to * each),
          weights: weights.slice(from, to),
        }),
      ),
    );
    const total = (of: (part: Computed) => number): number =>
      parts.reduce((sum, part) => sum + of(part), 0);
    expect(total((part) => part.loss)).toBeCloseTo(whole.loss, 5);
    expect(total((part) => part.totalWeight)).toBeCloseTo(whole.totalWeight, 5);
    expect(parts.flatMap((part) => part.gradient)).toEqual(whole.gradient);
  });

  it("count a sample as much as its class, and not when its label is ignored", async () => {
    const spec: LossSpec = {
      kind: "softmaxCrossEntropy",
      classWeights: [0.5, 1, 2, 4],
      ignoreIndex: -100,
    };
    const targets = [0, 1, 2, -100, 3];
    const { totalWeight } = await compute(spec, { logits, targets, weights });
    expect(totalWeight).toBe(0.5 * 0.5 + 0 * 1 + 1 * 2 + 0 + 1.5 * 4);
  });

  it.each<{ spec: LossSpec; targets: readonly number[]; loss: number }>([
    { spec: { kind: "softmaxCrossEntropy" }, targets: [0], loss: 2e4 },
    { spec: { kind: "softmaxCrossEntropy", labels: "soft" }, targets: [1, 0], loss: 2e4 },
    { spec: { kind: "binaryCrossEntropyWithLogits" }, targets: [1, 1], loss: (1e4 + 0) / 2 },
    { spec: { kind: "huber" }, targets: [0, 0], loss: 1e4 - 0.5 },
  ])("do not overflow for large logits ($spec.kind)", async ({ spec, targets, loss }) => {
    const computed = await compute(spec, { logits: [-1e4, 1e4], targets, weights: [1] }, [2]);
    expect(computed.loss).toBe(loss);
    for (const value of computed.gradient) expect(Math.abs(value)).toBeLessThanOrEqual(1);
  });

  it("take outputs of any shape where they compare number by number", async () => {
    const shape = [2, 2];
    for (const kind of ["binaryCrossEntropyWithLogits", "meanSquaredError", "huber"] as const) {
      const targets = logits.map((_, i) => (i % 3) / 2);
      const flat = await compute({ kind }, { logits, targets, weights });
      const squares = await compute({ kind }, { logits, targets, weights }, shape);
      expect(squares.gradient).toEqual(flat.gradient);
      expect(squares.loss).toBeCloseTo(flat.loss, 5);
    }
  });

  it("say what they take as a target", () => {
    const kind = "softmaxCrossEntropy";
    expect(targetOf({ kind }, [3])).toEqual({ kind: "classIndex", classes: 3, ignoreIndex: null });
    expect(targetOf({ kind, labels: "soft" }, [3])).toEqual({ kind: "numbers", shape: [3] });
    expect(targetOf({ kind: "huber" }, [])).toEqual({ kind: "numbers", shape: [] });
  });

  it.each<{ spec: LossSpec; shape: readonly number[] }>([
    { spec: { kind: "softmaxCrossEntropy" }, shape: [2, 2] },
    { spec: { kind: "softmaxCrossEntropy" }, shape: [1] },
    { spec: { kind: "softmaxCrossEntropy", classWeights: [1] }, shape: [3] },
  ])("refuse outputs that do not suit them (%#)", ({ spec, shape }) => {
    expect(() => targetOf(spec, shape)).toThrow(UntrainableModelError);
  });

  it.each<LossSpec>([
    { kind: "softmaxCrossEntropy", classWeights: [1, -1] },
    { kind: "softmaxCrossEntropy", classWeights: [1, Infinity] },
    { kind: "softmaxCrossEntropy", labelSmoothing: 1.1 },
    { kind: "softmaxCrossEntropy", ignoreIndex: 0.5 },
    { kind: "softmaxCrossEntropy", ignoreIndex: 2 ** 31 },
    { kind: "softmaxCrossEntropy", labels: "soft", ignoreIndex: 1 },
    { kind: "huber", delta: 0 },
  ])("refuse settings that cannot work (%#)", (spec) => {
    expect(() => targetOf(spec, [2])).toThrow(RangeError);
  });
});
