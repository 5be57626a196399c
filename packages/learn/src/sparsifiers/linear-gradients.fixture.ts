/** Gradients of a softmax regression in plain TypeScript: small, exact, deterministic. */
import { cloneState, type ModelState } from "@everfresh/core";
import type { BatchGradient, BatchMoments, TrainingBatch } from "@everfresh/engine";
import { type LinearModel, LinearSession } from "../linear-session.fixture.ts";
import type { GradientSource } from "./gradient-source.ts";

export class LinearGradients implements GradientSource {
  readonly state: ModelState;
  readonly #outputs: LinearSession;
  readonly #inputs: number;
  readonly #classes: number;

  constructor(model: LinearModel) {
    this.state = cloneState(model.state);
    this.#outputs = new LinearSession(model);
    this.#inputs = model.input.shape[0] ?? 0;
    this.#classes = model.output.shape[0] ?? 0;
  }

  async gradient({ inputs, targets, size }: TrainingBatch): Promise<BatchGradient> {
    const [columns, rows] = [this.#inputs, this.#classes];
    const sums = new Float64Array(this.state.parameters.length);
    const logits = await this.predict(this.state, inputs, size);
    let loss = 0;
    for (let sample = 0; sample < size; sample++) {
      const powers = Array.from(logits.subarray(sample * rows, (sample + 1) * rows), Math.exp);
      const sum = powers.reduce((total, each) => total + each, 0);
      for (const [output, power] of powers.entries()) {
        const isTarget = output === targets[sample];
        if (isTarget) loss -= Math.log(power / sum);
        const error = (power / sum - (isTarget ? 1 : 0)) / size;
        for (let input = 0; input < columns; input++) {
          const at = output * columns + input;
          sums[at] = (sums[at] ?? 0) + error * (inputs[sample * columns + input] ?? 0);
        }
        const bias = rows * columns + output;
        sums[bias] = (sums[bias] ?? 0) + error;
      }
    }
    return { gradient: Float32Array.from(sums), loss: loss / size };
  }

  moments(_state: ModelState, _inputs: Float32Array, size: number): Promise<BatchMoments> {
    return Promise.resolve({ size, layers: [] });
  }

  predict(state: ModelState, inputs: Float32Array, size: number): Promise<Float32Array> {
    return this.#outputs.predict(state, inputs, size);
  }
}
