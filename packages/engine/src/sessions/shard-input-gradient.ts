import type { InputGradientStep } from "../autodiff/input-gradient-step.ts";
import type { TargetSpec } from "../losses/loss.ts";
import type { ModelPort } from "../models/model.ts";
import type { BoundRun, GraphSession, NamedTensors } from "../runtime/runtime.ts";
import { type BatchTargets, type BoundTargets, boundTargets } from "./shard-targets.ts";
import { batchShape, sampleLength } from "./training-program.ts";

/** Samples with their targets and weights. */
export interface WeightedBatch {
  readonly inputs: Float32Array;
  readonly targets: BatchTargets;
  readonly weights: Float32Array;
  readonly size: number;
}

/** The graph of the input's gradient with private memory bound to it. */
export class ShardInputGradient {
  readonly #batchSize: number;
  readonly #sampleLength: number;
  readonly #inputs: Float32Array;
  readonly #targets: BoundTargets;
  readonly #weights: Float32Array;
  readonly #gradient: Float32Array;
  readonly #run: BoundRun;

  /** @param state what the gradient is computed under; what is in its memory counts */
  constructor(
    graph: GraphSession,
    { batchSize, inputs, gradient }: InputGradientStep,
    { input, target }: { readonly input: ModelPort; readonly target: TargetSpec },
    state: NamedTensors,
  ) {
    this.#batchSize = batchSize;
    this.#sampleLength = sampleLength(input);
    this.#inputs = new Float32Array(batchSize * this.#sampleLength);
    this.#targets = boundTargets(target, batchSize);
    this.#weights = new Float32Array(batchSize);
    this.#gradient = new Float32Array(this.#inputs.length);
    const shape = batchShape(input, batchSize);
    this.#run = graph.bind(
      new Map([
        ...state,
        [inputs.x, { dtype: "float32", shape, data: this.#inputs }],
        [inputs.targets, this.#targets.tensor],
        [inputs.weights, { dtype: "float32", shape: [batchSize], data: this.#weights }],
      ]),
      new Map([[gradient, { dtype: "float32", shape, data: this.#gradient }]]),
    );
  }

  /** For each sample weight · ∂loss/∂sample, one after the other. */
  async compute(batch: WeightedBatch): Promise<Float32Array<ArrayBuffer>> {
    const length = this.#sampleLength;
    const gradients = new Float32Array(batch.inputs.length);
    for (let from = 0; from < batch.size; from += this.#batchSize) {
      const to = Math.min(from + this.#batchSize, batch.size);
      const count = to - from;
      this.#inputs.fill(0, count * length);
      this.#inputs.set(batch.inputs.subarray(from * length, to * length));
      this.#targets.clear(count, this.#batchSize);
      this.#targets.load(batch.targets, from, to);
      this.#weights.fill(0, count);
      this.#weights.set(batch.weights.subarray(from, to));
      const running = this.#run();
      if (running !== undefined) await running;
      gradients.set(this.#gradient.subarray(0, count * length), from * length);
    }
    return gradients;
  }
}
