import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { exportModel, type Model, type TrainingBatch } from "@everfresh/engine";
import type { OptimizerName, Workload } from "../workloads.ts";
import { startPython, type TorchFormat } from "./torch.ts";

/** What PyTorch computes in. */
export interface TorchArithmetic {
  readonly dtype: "float32" | "float64";
  readonly format: TorchFormat;
}

/** Training in PyTorch. */
export interface TorchTraining extends TorchArithmetic {
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly steps: number;
  /** The kept state to go on from, with a new optimizer; without it, the model's own weights. */
  readonly from?: number;
  /** Steps before which to keep the state. */
  readonly keep?: readonly number[];
}

/** PyTorch on the same weights and batches as ours. */
export interface TorchReference extends AsyncDisposable {
  readonly version: string;
  /** The gradients of the first batch, all parameters one after another, and the sum of losses. */
  gradients(
    how: TorchArithmetic & { readonly smooth: boolean },
  ): Promise<{ readonly loss: number; readonly gradients: Float64Array }>;
  /** The mean loss of every step. */
  train(how: TorchTraining): Promise<readonly number[]>;
  /** All tensors of a kept state one after another, in the order of our layout. */
  kept(step: number): Float32Array;
}

/** Starts PyTorch on a model's weights; null when there is no Python that has it. */
export async function openTorchReference(
  { torch, sampleShape }: Workload,
  model: Model,
  batches: readonly TrainingBatch[],
): Promise<TorchReference | null> {
  const folder = mkdtempSync(path.join(tmpdir(), "everfresh-reference-"));
  const { tensors } = model.state.layout;
  const content = {
    ...torch,
    shape: [batches[0]?.size ?? 0, ...sampleShape],
    batches: batches.map(({ inputs, targets }) => ({
      inputs: Array.from(inputs),
      targets: Array.from(targets),
    })),
    parameters: tensors.filter(({ role }) => role === "parameter").map(({ name }) => name),
    tensors: tensors.map(({ name }) => name),
  };
  writeFileSync(path.join(folder, "model.onnx"), exportModel(model));
  writeFileSync(path.join(folder, "case.json"), JSON.stringify(content));
  const python = startPython("torch_reference.py", [folder]);
  if (python === null) {
    rmSync(folder, { recursive: true });
    return null;
  }
  const { version } = (await python.next()) as { version: string };
  const bytes = (name: string): ArrayBuffer => {
    const { buffer, byteOffset, byteLength } = readFileSync(path.join(folder, name));
    return buffer.slice(byteOffset, byteOffset + byteLength);
  };
  return {
    version,
    async gradients(how) {
      python.send({ command: "gradients", ...how });
      const { loss } = (await python.next()) as { loss: number };
      return { loss, gradients: new Float64Array(bytes("gradients.bin")) };
    },
    async train(how) {
      python.send({ command: "train", ...how });
      return ((await python.next()) as { losses: readonly number[] }).losses;
    },
    kept: (step) => new Float32Array(bytes(`state-${step}.bin`)),
    async [Symbol.asyncDispose]() {
      await python.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** The model without what is random in training. */
export function withoutDropout(model: Model): Model {
  const nodes = model.graph.nodes.map((node) =>
    node.operator === "Dropout"
      ? { ...node, operator: "Identity" as const, inputs: node.inputs.slice(0, 1) }
      : node,
  );
  return { ...model, graph: { ...model.graph, nodes } };
}

/** Says why a comparison did not take place; returns the exit status. */
export function noTorch(): number {
  console.error("No Python with PyTorch found (set EVERFRESH_PYTHON).");
  return 1;
}
