/** What bench/peers/golden_gradients.py made with PyTorch, and the formulas that we share. */
import { readFileSync } from "node:fs";
import {
  cloneState,
  dataOf,
  type ModelState,
  sizeOf,
  type Tensor,
  tensorOf,
} from "@everfresh/core";
import { runOnnx } from "../onnx/execution.fixture.ts";
import type { Model } from "../models/model.ts";
import { trainingStep } from "./training-step.ts";

/** The content of a golden file. */
export interface Golden {
  readonly batchSize: number;
  readonly classes: number;
  readonly loss: number;
  readonly output: readonly number[];
  readonly gradients: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly norm: number;
    readonly sum: number;
    readonly at: readonly number[];
    readonly values: readonly number[];
  }[];
}

/** A batch by the script's formulas. */
export interface GoldenBatch {
  readonly inputs: Tensor;
  readonly targets: Tensor;
  readonly weights: Tensor;
}

/** Reads a golden file that lies beside the test. */
export function readGolden(name: string, relativeTo: string): Golden {
  return JSON.parse(readFileSync(new URL(name, relativeTo), "utf8")) as Golden;
}

/** sin(12.9898 i + phase). */
function waves(count: number, phase: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * i + phase));
}

/** The script's weights for a model's state. */
export function goldenState({ state }: Model): ModelState {
  const filled = cloneState(state);
  let fanIn = 1;
  state.layout.tensors.forEach((entry, k) => {
    if (entry.shape.length > 1) fanIn = sizeOf(entry.shape.slice(1));
    const data = dataOf(filled, entry);
    for (let i = 0; i < entry.length; i++) {
      data[i] = Math.sin(12.9898 * i + k) / Math.sqrt(fanIn);
    }
  });
  return filled;
}

/** The script's batch for a model. */
export function goldenBatch(model: Model, { batchSize, classes }: Golden): GoldenBatch {
  const shape = [batchSize, ...model.input.shape];
  const samples = Array.from({ length: batchSize }, (_, i) => i);
  return {
    inputs: { dtype: "float32", shape, data: waves(sizeOf(shape), 0.5) },
    targets: {
      dtype: "int64",
      shape: [batchSize],
      data: BigInt64Array.from(samples, (i) => BigInt((7 * i + 3) % classes)),
    },
    weights: {
      dtype: "float32",
      shape: [batchSize],
      data: Float32Array.from(samples, (i) => (i % 4) * 0.5),
    },
  };
}

/** All tensors of a state by name. */
export function tensorsOf(state: ModelState): Record<string, Tensor> {
  return Object.fromEntries(state.layout.tensors.map(({ name }) => [name, tensorOf(state, name)]));
}

/** Loss and gradients of one batch, computed by the training step. */
export async function gradientsOf(
  model: Model,
  state: ModelState,
  { inputs, targets, weights }: GoldenBatch,
): Promise<{ readonly loss: number; readonly gradients: readonly Tensor[] }> {
  const step = trainingStep(model, { batchSize: inputs.shape[0] ?? 0 });
  const results = await runOnnx(step.onnx, {
    ...tensorsOf(state),
    [step.inputs.x]: inputs,
    [step.inputs.targets]: targets,
    [step.inputs.weights]: weights,
  });
  const result = (name: string): Tensor => {
    const tensor = results[name];
    if (tensor === undefined) throw new Error(`no output ${name}`);
    return tensor;
  };
  return {
    loss: Number(result(step.outputs.loss).data[0]),
    gradients: step.outputs.gradients.map(result),
  };
}

/** The largest deviation of a gradient from its golden numbers, relative to its size. */
export function deviation(gradient: Tensor, golden: Golden["gradients"][number]): number {
  const values = Array.from(gradient.data, Number);
  const norm = Math.hypot(...values);
  const sum = values.reduce((total, value) => total + value, 0);
  const typical = golden.norm / Math.sqrt(values.length);
  const entries = golden.at.map((at, i) =>
    Math.abs((values[at] ?? NaN) - (golden.values[i] ?? NaN)),
  );
  return Math.max(
    Math.abs(norm - golden.norm) / golden.norm,
    Math.abs(sum - golden.sum) / (golden.norm * Math.sqrt(values.length)),
    Math.max(...entries) / Math.max(typical, ...golden.values.map(Math.abs)),
  );
}
