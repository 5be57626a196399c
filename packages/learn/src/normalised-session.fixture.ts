/** The softmax regression with statistics of its inputs, as a BatchNormalization would have them. */
import { createState, type ModelState, stateLayout, tensorOf } from "@everfresh/core";
import type { BatchMoments, StepResult, TrainingBatch } from "@everfresh/engine";
import { type LinearModel, linearModel, LinearSession } from "./linear-session.fixture.ts";

/** All weights zero, and two buffers: of means and of variances. */
export function normalisedModel(inputs: number, outputs: number): LinearModel {
  const { state, ...ports } = linearModel(inputs, outputs);
  const layout = stateLayout([
    ...state.layout.tensors,
    { name: "mean", role: "buffer", dtype: "float32", shape: [inputs] },
    { name: "variance", role: "buffer", dtype: "float32", shape: [inputs] },
  ]);
  return { ...ports, state: createState(layout) };
}

export class NormalisedSession extends LinearSession {
  /** Moves θ's own statistics too: nobody else should see them. */
  override async step(batch: TrainingBatch): Promise<StepResult> {
    const result = await super.step(batch);
    const mean = tensorOf(this.state, "mean").data as Float32Array;
    mean.fill((mean[0] ?? 0) + 1_000);
    return result;
  }

  override moments(state: ModelState, inputs: Float32Array, size: number): Promise<BatchMoments> {
    return Promise.resolve(momentsUnder(state, inputs, size));
  }
}

/** Of every input times 1 plus its weight for the first class: so they depend on the state. */
export function momentsUnder(state: ModelState, inputs: Float32Array, size: number): BatchMoments {
  const columns = inputs.length / size;
  const [mean, variance] = [new Float64Array(columns), new Float64Array(columns)];
  for (let column = 0; column < columns; column++) {
    const factor = 1 + (state.parameters[column] ?? 0);
    const values = Array.from(
      { length: size },
      (_, i) => factor * (inputs[i * columns + column] ?? 0),
    );
    const middle = values.reduce((sum, value) => sum + value, 0) / size;
    mean[column] = middle;
    variance[column] = values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / size;
  }
  const names = { runningMean: "mean", runningVariance: "variance", elementsPerSample: 1 };
  return { size, layers: [{ ...names, mean, variance }] };
}
