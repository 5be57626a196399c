import { dataOf, type ModelState, ShapeError, type Tensor } from "@everfresh/core";
import type { GraphSession, NamedTensors } from "../runtime/runtime.ts";
import type { ModelPort } from "../models/model.ts";
import { batchShape, sampleLength } from "./training-program.ts";

// Samples per run: bounds the memory of the intermediate results, and is large enough to be fast.
const PREDICT_ROWS_MAX = 256;

/** The tensors of a state by name, over its own memory. */
export function stateTensors(state: ModelState): NamedTensors {
  return new Map(
    state.layout.tensors.map((entry): [string, Tensor] => [
      entry.name,
      { dtype: entry.dtype, shape: entry.shape, data: dataOf(state, entry) },
    ]),
  );
}

/** Computes a graph whose inputs are one batch and a state, in parts of bounded size. */
export async function predictRows(
  graph: GraphSession,
  ports: { readonly input: ModelPort; readonly output: ModelPort },
  state: NamedTensors,
  inputs: Float32Array,
  size: number,
): Promise<Float32Array<ArrayBuffer>> {
  const { input, output } = ports;
  const inputLength = sampleLength(input);
  const outputLength = sampleLength(output);
  const outputs = new Float32Array(size * outputLength);
  for (let from = 0; from < size; from += PREDICT_ROWS_MAX) {
    const to = Math.min(from + PREDICT_ROWS_MAX, size);
    const run = graph.bind(
      new Map(state).set(input.name, {
        dtype: "float32",
        shape: batchShape(input, to - from),
        data: inputs.subarray(from * inputLength, to * inputLength),
      }),
      new Map().set(output.name, {
        dtype: "float32",
        shape: batchShape(output, to - from),
        data: outputs.subarray(from * outputLength, to * outputLength),
      }),
    );
    await run();
  }
  return outputs;
}

/** @throws ShapeError unless `inputs` holds `size` samples, at least one, of `length` numbers */
export function checkInputs(inputs: Float32Array, size: number, length: number): void {
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new ShapeError(`Number of samples must be a whole number of 1 or more, got ${size}`);
  }
  if (inputs.length !== size * length) {
    throw new ShapeError(
      `${size} samples of ${length} numbers are ${size * length} numbers, got ${inputs.length}`,
      { size, sampleLength: length, actual: inputs.length },
    );
  }
}
