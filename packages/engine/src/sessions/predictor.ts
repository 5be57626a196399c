import { dataOf, type ModelState, ShapeError, type Tensor } from "@everfresh/core";
import type { BoundRun, GraphSession, NamedTensors } from "../runtime/runtime.ts";
import type { ModelPort } from "../models/model.ts";
import { batchShape, sampleLength } from "../models/port-shape.ts";
import { graphTensors } from "../models/state-tensors.ts";

/** Samples per run: bounds the memory of the intermediate results, and is large enough to be fast. */
export const PREDICT_ROWS_MAX = 256;

// Servers use few sizes: one sample, a full batch, and what is left over.
const BOUND_SIZES_MAX = 4;

/** The tensors of a state that graphs take, by name, over its own memory. */
export function stateTensors(state: ModelState): NamedTensors {
  return new Map(
    graphTensors(state.layout).map((entry): [string, Tensor] => [
      entry.name,
      { dtype: entry.dtype, shape: entry.shape, data: dataOf(state, entry) },
    ]),
  );
}

/** Names and shapes of the batch that goes in and of what comes out. */
export interface PredictorPorts {
  readonly input: ModelPort;
  readonly output: ModelPort;
}

/** Computes a graph whose inputs are one batch and a state, in parts of bounded size. */
export async function predictRows(
  graph: GraphSession,
  ports: PredictorPorts,
  state: NamedTensors,
  inputs: Float32Array,
  size: number,
): Promise<Float32Array<ArrayBuffer>> {
  return new Predictor(graph, ports, state).predict(inputs, size);
}

interface BoundBatch {
  readonly inputs: Float32Array;
  readonly outputs: Float32Array;
  readonly run: BoundRun;
}

/**
 * Computes one graph again and again, in parts of bounded size. The memory of a batch is bound once
 * for each of the last few sizes: with many tensors, binding costs more than computing a small model.
 */
export class Predictor {
  readonly #graph: GraphSession;
  readonly #ports: PredictorPorts;
  readonly #state: NamedTensors;
  /** By rows; what was used last stands last. */
  readonly #bound: Map<number, BoundBatch> = new Map();
  #runMs = 0;

  /** @param state tensors that are inputs of the graph too; what is in their memory counts */
  constructor(graph: GraphSession, ports: PredictorPorts, state: NamedTensors = new Map()) {
    this.#graph = graph;
    this.#ports = ports;
    this.#state = state;
  }

  /** How long ONNX Runtime took for the last prediction, in milliseconds. */
  get runMs(): number {
    return this.#runMs;
  }

  /** The outputs for `size` samples; must not be called again before it has resolved. */
  async predict(inputs: Float32Array, size: number): Promise<Float32Array<ArrayBuffer>> {
    const inputLength = sampleLength(this.#ports.input);
    const outputLength = sampleLength(this.#ports.output);
    const outputs = new Float32Array(size * outputLength);
    this.#runMs = 0;
    for (let from = 0; from < size; from += PREDICT_ROWS_MAX) {
      const to = Math.min(from + PREDICT_ROWS_MAX, size);
      const batch = this.#batchOf(to - from);
      batch.inputs.set(inputs.subarray(from * inputLength, to * inputLength));
      const startedMs = performance.now();
      const running = batch.run();
      if (running !== undefined) await running;
      this.#runMs += performance.now() - startedMs;
      outputs.set(batch.outputs, from * outputLength);
    }
    return outputs;
  }

  #batchOf(rows: number): BoundBatch {
    const batch = this.#bound.get(rows) ?? this.#bind(rows);
    this.#bound.delete(rows);
    this.#bound.set(rows, batch);
    const [oldest] = this.#bound.keys();
    if (this.#bound.size > BOUND_SIZES_MAX && oldest !== undefined) this.#bound.delete(oldest);
    return batch;
  }

  #bind(rows: number): BoundBatch {
    const { input, output } = this.#ports;
    const inputs = zeros(input, rows);
    const outputs = zeros(output, rows);
    const run = this.#graph.bind(
      new Map(this.#state).set(input.name, inputs),
      new Map([[output.name, outputs]]),
    );
    return { inputs: inputs.data, outputs: outputs.data, run };
  }
}

function zeros(port: ModelPort, rows: number): Tensor & { readonly data: Float32Array } {
  const data = new Float32Array(rows * sampleLength(port));
  return { dtype: "float32", shape: batchShape(port, rows), data };
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
