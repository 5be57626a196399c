/** Finding out where a number first went wrong, after a step that gave none. */
import { type ErrorDetails, sizeOf, type StateLayout, type Tensor } from "@everfresh/core";
import type { DiagnosisGraph } from "../autodiff/diagnosis-graph.ts";
import type { GraphSession, NamedTensors } from "../runtime/runtime.ts";
import { isBelow, MEAN_GRADIENT_LIMIT, meanOf } from "./gradients.ts";
import type { TrainingMemory } from "./training-memory.ts";

/** The first thing in the order of computation that is not finite. */
export type NonFinitePlace =
  | { readonly kind: "sample"; readonly sample: number }
  | { readonly kind: "state"; readonly tensor: string }
  | { readonly kind: "node"; readonly node: string; readonly operator: string }
  | { readonly kind: "loss" }
  | { readonly kind: "gradient"; readonly parameter: string }
  /** Finite in every part, but too large for the mean. */
  | { readonly kind: "largeGradient"; readonly parameter: string };

/** What a worker had computed when its loss was not finite. */
export interface FailedRun {
  /** The model's input, and the masks, by name. */
  readonly inputs: NamedTensors;
  readonly inputName: string;
  readonly state: NamedTensors;
  /** The row of the batch that the first row of the input is. */
  readonly firstRow: number;
}

/** Looks at the samples, then at the state, then at what each node makes of them. */
export async function findNonFinite(
  graph: GraphSession,
  { values, batchSize }: DiagnosisGraph,
  run: FailedRun,
): Promise<NonFinitePlace> {
  const x = run.inputs.get(run.inputName);
  const wrong = x === undefined ? -1 : firstNonFinite(x);
  if (x !== undefined && wrong >= 0) {
    const row = Math.floor(wrong / (x.data.length / batchSize));
    return { kind: "sample", sample: run.firstRow + row };
  }
  for (const [tensor, content] of run.state) {
    if (firstNonFinite(content) >= 0) return { kind: "state", tensor };
  }
  const outputs = values.map(({ name, shape }): [string, Tensor<"float32">] => [
    name,
    { dtype: "float32", shape, data: new Float32Array(sizeOf(shape)) },
  ]);
  await graph.bind(new Map([...run.state, ...run.inputs]), new Map(outputs))();
  const at = outputs.findIndex(([, tensor]) => firstNonFinite(tensor) >= 0);
  const value = values[at];
  if (value === undefined) return { kind: "loss" };
  return { kind: "node", node: value.node, operator: value.operator };
}

/** The first parameter whose gradient is not finite in any part, or too large; null if none. */
export function findGradient(
  { gradients }: TrainingMemory,
  layout: StateLayout,
  weight: number,
): NonFinitePlace | null {
  for (const { name, role, wordOffset, length } of layout.tensors) {
    if (role !== "parameter") continue;
    const rows = gradients.map((row) => row.subarray(wordOffset, wordOffset + length));
    if (!rows.every((row) => isBelow(row, Infinity))) return { kind: "gradient", parameter: name };
    const mean = new Float32Array(length);
    meanOf(rows, weight, mean);
    if (!isBelow(mean, MEAN_GRADIENT_LIMIT)) return { kind: "largeGradient", parameter: name };
  }
  return null;
}

/** A place for people, and as facts. */
export function describePlace(place: NonFinitePlace): {
  readonly text: string;
  readonly details: ErrorDetails;
} {
  return { text: textOf(place), details: { place } };
}

function textOf(place: NonFinitePlace): string {
  switch (place.kind) {
    case "sample":
      return `sample ${place.sample} of the batch is not finite`;
    case "state":
      return `tensor "${place.tensor}" of the state is not finite`;
    case "node":
      return `first not finite: the output of node "${place.node}", ${place.operator}`;
    case "loss":
      return "all outputs of the model are finite, the loss of them is not";
    case "gradient":
      return `first not finite: the gradient of "${place.parameter}"`;
    case "largeGradient":
      return `the gradient of "${place.parameter}" is above ${MEAN_GRADIENT_LIMIT.toPrecision(2)}`;
  }
}

function firstNonFinite({ dtype, data }: Tensor): number {
  if (dtype !== "float32") return -1;
  return data.findIndex((value: number | bigint) => !Number.isFinite(value));
}
