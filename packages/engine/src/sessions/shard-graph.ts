import { sizeOf, type Tensor } from "@everfresh/core";
import type { DropoutMask } from "../autodiff/training-mode.ts";
import type { TrainingStep } from "../autodiff/training-step.ts";
import type { ModelPort } from "../models/model.ts";
import type { BoundRun, GraphSession } from "../runtime/runtime.ts";
import { fillMask } from "./dropout-masks.ts";
import { type MaskSource, maskSource } from "./mask-source.ts";
import type { Rows } from "./shard-rows.ts";
import type { ShardState } from "./shard-state.ts";
import { type BoundTargets, boundTargets } from "./shard-targets.ts";
import type { TrainingMemory } from "./training-memory.ts";
import { batchShape, sampleLength } from "./training-program.ts";

/**
 * A training-step graph with private memory bound to it: a copy of θ, one part of a batch, and what
 * comes out. Rows beyond the samples are padding: zeros with weight 0.
 */
export class ShardGraph {
  /** What was loaded, by the names of the model's input and the masks. */
  readonly inputTensors: ReadonlyMap<string, Tensor>;
  /** After a run: mean and variance at each BatchNormalization, one after the other. */
  readonly moments: readonly Float32Array[];
  readonly #graph: GraphSession;
  readonly #batchSize: number;
  readonly #loss: Float32Array = new Float32Array(1);
  readonly #inputs: Float32Array;
  readonly #targets: BoundTargets;
  readonly #weights: Float32Array;
  readonly #masks: readonly { readonly mask: DropoutMask; readonly data: Float32Array }[];
  /** The graph's total weight; null where it is the sum of the weights. */
  readonly #totalWeight: Float32Array | null;
  readonly #sampleLength: number;
  readonly #run: BoundRun;
  #maskSource: MaskSource | null = null;
  #filled = 0;
  #weightSum = 0;

  constructor(graph: GraphSession, step: TrainingStep, input: ModelPort, state: ShardState) {
    const { batchSize, inputs, outputs } = step;
    this.#graph = graph;
    this.#batchSize = batchSize;
    this.#sampleLength = sampleLength(input);
    this.#inputs = new Float32Array(batchSize * this.#sampleLength);
    this.#targets = boundTargets(step.target, batchSize);
    this.#weights = new Float32Array(batchSize);
    this.#masks = inputs.masks.map((mask) => ({
      mask,
      data: new Float32Array(sizeOf(mask.shape)),
    }));
    this.inputTensors = new Map<string, Tensor>([
      [inputs.x, { dtype: "float32", shape: batchShape(input, batchSize), data: this.#inputs }],
      ...this.#masks.map(({ mask: { name, shape }, data }): [string, Tensor] => {
        return [name, { dtype: "float32", shape, data }];
      }),
    ]);
    const results = new Map<string, Tensor>([[outputs.loss, vector(this.#loss, [])]]);
    outputs.gradients.forEach((name, i) => {
      const tensor = state.gradientTensors[i];
      if (tensor !== undefined) results.set(name, tensor);
    });
    this.#totalWeight = outputs.totalWeight === null ? null : new Float32Array(1);
    if (outputs.totalWeight !== null && this.#totalWeight !== null) {
      results.set(outputs.totalWeight, vector(this.#totalWeight, []));
    }
    this.moments = outputs.moments.flatMap(({ mean, variance, runningMean }) => {
      const channels = state.tensors.get(runningMean)?.data.length ?? 0;
      return [mean, variance].map((name) => {
        const data = new Float32Array(channels);
        results.set(name, vector(data));
        return data;
      });
    });
    const batch: [string, Tensor][] = [
      [inputs.targets, this.#targets.tensor],
      [inputs.weights, vector(this.#weights)],
    ];
    this.#run = graph.bind(new Map([...state.tensors, ...this.inputTensors, ...batch]), results);
  }

  /** Copies some rows of the batch in, and draws their masks. */
  load(
    { batch, targets, weights }: TrainingMemory,
    rows: Rows,
    key: { readonly seed: number; readonly optimizerStep: number },
  ): void {
    const [from, to] = rows;
    const count = to - from;
    const length = this.#sampleLength;
    this.#inputs.set(batch.subarray(from * length, to * length));
    this.#targets.load(targets, from, to);
    this.#weights.set(weights.subarray(from, to));
    this.#weightSum = this.#weights.subarray(0, count).reduce((sum, weight) => sum + weight, 0);
    if (count < this.#filled) {
      this.#inputs.fill(0, count * length, this.#filled * length);
      this.#targets.clear(count, this.#filled);
      this.#weights.fill(0, count, this.#filled);
    }
    this.#filled = count;
    for (const { mask, data } of this.#masks) {
      this.#maskSource ??= maskSource();
      fillMask(mask, data, this.#batchSize, key, rows, this.#maskSource);
    }
  }

  /** Computes the sum of weight × loss over the loaded rows, and the state's gradients. */
  run(): number | Promise<number> {
    const running = this.#run();
    return running === undefined ? this.#lossSum() : running.then(() => this.#lossSum());
  }

  /** How much the loaded rows count together; known when the graph has run. */
  get totalWeight(): number {
    return this.#totalWeight?.[0] ?? this.#weightSum;
  }

  /** Frees the graph; no run may follow. */
  release(): Promise<void> {
    return this.#graph.release();
  }

  #lossSum(): number {
    return this.#loss[0] ?? NaN;
  }
}

function vector(data: Float32Array, shape: readonly number[] = [data.length]): Tensor {
  return { dtype: "float32", shape, data };
}
