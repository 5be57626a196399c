/** A softmax regression in plain TypeScript behind the engine's port: small, exact, deterministic. */
import {
  type BufferChange,
  cloneState,
  createState,
  type ModelState,
  type Shape,
  stateLayout,
} from "@everfresh/core";
import type {
  BatchGradient,
  BatchMoments,
  ExecutionPlan,
  StepResult,
  TrainingBatch,
  TrainingCheckpoint,
  TrainingSession,
} from "@everfresh/engine";

const LEARNING_RATE = 0.1;
const MOMENTUM = 0.9;
const PLAN: ExecutionPlan = {
  backend: "wasm",
  provider: "cpu",
  workers: 1,
  threadsPerWorker: 1,
  onnxruntime: "none",
};

/** What the trainer looks at in a model. */
export interface LinearModel {
  readonly state: ModelState;
  readonly input: { readonly name: string; readonly shape: Shape };
  readonly output: { readonly name: string; readonly shape: Shape };
}

/** All weights zero. */
export function linearModel(inputs: number, outputs: number): LinearModel {
  const layout = stateLayout([
    { name: "weight", role: "parameter", dtype: "float32", shape: [outputs, inputs] },
    { name: "bias", role: "parameter", dtype: "float32", shape: [outputs] },
  ]);
  return {
    state: createState(layout),
    input: { name: "x", shape: [inputs] },
    output: { name: "logits", shape: [outputs] },
  };
}

export class LinearSession implements TrainingSession {
  readonly plan: ExecutionPlan = PLAN;
  readonly state: ModelState;
  optimizerStep = 0;
  readonly #velocity: Float32Array;
  readonly #inputs: number;
  readonly #outputs: number;

  constructor(model: LinearModel, checkpoint?: TrainingCheckpoint) {
    this.state = cloneState(model.state);
    this.#inputs = model.input.shape[0] ?? 0;
    this.#outputs = model.output.shape[0] ?? 0;
    this.#velocity = new Float32Array(this.state.parameters.length);
    if (checkpoint === undefined) return;
    new Uint8Array(this.state.buffer).set(checkpoint.state);
    new Uint8Array(this.#velocity.buffer).set(checkpoint.optimizer);
  }

  step({ inputs, targets, size }: TrainingBatch): Promise<StepResult> {
    const { parameters } = this.state;
    const [columns, rows] = [this.#inputs, this.#outputs];
    const gradients = new Float64Array(parameters.length);
    const logits = this.#logits(this.state, inputs, size);
    let loss = 0;
    for (let sample = 0; sample < size; sample++) {
      const target = targets[sample] ?? -1;
      const row = Array.from(logits.subarray(sample * rows, (sample + 1) * rows), Math.exp);
      const sum = row.reduce((total, each) => total + each, 0);
      loss -= Math.log((row[target] ?? Number.NaN) / sum);
      for (let output = 0; output < rows; output++) {
        const error = ((row[output] ?? 0) / sum - (output === target ? 1 : 0)) / size;
        for (let input = 0; input < columns; input++) {
          const at = output * columns + input;
          gradients[at] = (gradients[at] ?? 0) + error * (inputs[sample * columns + input] ?? 0);
        }
        const bias = rows * columns + output;
        gradients[bias] = (gradients[bias] ?? 0) + error;
      }
    }
    for (let i = 0; i < parameters.length; i++) {
      this.#velocity[i] = MOMENTUM * (this.#velocity[i] ?? 0) + (gradients[i] ?? 0);
      parameters[i] = (parameters[i] ?? 0) - LEARNING_RATE * (this.#velocity[i] ?? 0);
    }
    this.optimizerStep++;
    return Promise.resolve({ loss: loss / size, stepMs: 1 });
  }

  gradient(): Promise<BatchGradient> {
    return Promise.reject(new Error("see LinearGradients"));
  }

  moments(_state: ModelState, _inputs: Float32Array, size: number): Promise<BatchMoments> {
    return Promise.resolve({ size, layers: [] });
  }

  inputGradients(): Promise<Float32Array> {
    return Promise.reject(new Error("nothing that learns asks for this"));
  }

  setBuffers(changes: readonly BufferChange[]): Promise<void> {
    for (const { tensor, data } of changes) {
      const { byteOffset = 0 } = this.state.layout.tensors[tensor] ?? {};
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      new Uint8Array(this.state.buffer, byteOffset, bytes.length).set(bytes);
    }
    return Promise.resolve();
  }

  predict(state: ModelState, inputs: Float32Array, size: number): Promise<Float32Array> {
    return Promise.resolve(this.#logits(state, inputs, size));
  }

  checkpoint(): TrainingCheckpoint {
    return {
      state: new Uint8Array(this.state.buffer).slice(),
      optimizer: new Uint8Array(this.#velocity.buffer).slice(),
    };
  }

  restore({ state, optimizer }: TrainingCheckpoint): Promise<void> {
    new Uint8Array(this.state.buffer).set(state);
    if (optimizer.length === 0) this.#velocity.fill(0);
    else new Uint8Array(this.#velocity.buffer).set(optimizer);
    if (optimizer.length === 0) this.optimizerStep = 0;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #logits({ parameters }: ModelState, inputs: Float32Array, size: number): Float32Array {
    const [columns, rows] = [this.#inputs, this.#outputs];
    const logits = new Float32Array(size * rows);
    for (let sample = 0; sample < size; sample++) {
      for (let output = 0; output < rows; output++) {
        let sum = parameters[rows * columns + output] ?? 0;
        for (let input = 0; input < columns; input++) {
          const weight = parameters[output * columns + input] ?? 0;
          sum += weight * (inputs[sample * columns + input] ?? 0);
        }
        logits[sample * rows + output] = sum;
      }
    }
    return logits;
  }
}
