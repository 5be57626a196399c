import { createState, dataOf, type ModelState, type Tensor } from "@everfresh/core";
import type { TargetSpec } from "../losses/loss.ts";
import type { BoundRun, GraphSession, NamedTensors } from "../runtime/runtime.ts";
import { stateTensors } from "./predictor.ts";
import type { TrainingMemory } from "./training-memory.ts";
import {
  batchShape,
  sampleLength,
  targetLength,
  type TrainingProgram,
} from "./training-program.ts";

/**
 * The training-step graph with private memory bound to it: a copy of θ, one part of a batch, and
 * what comes out. Rows beyond the samples are padding: zeros with weight 0.
 */
export class ShardGraph {
  /** The tensors of the private copy of θ, as of the last {@link ShardGraph.load}. */
  readonly thetaTensors: NamedTensors;
  /** After a run: sums of weight × gradient, flat as the parameters. */
  readonly gradients: Float32Array;
  readonly #theta: ModelState;
  readonly #loss: Float32Array = new Float32Array(1);
  readonly #inputs: Float32Array;
  readonly #targets: BoundTargets;
  readonly #weights: Float32Array;
  /** The graph's total weight; null where it is the sum of the weights. */
  readonly #totalWeight: Float32Array | null;
  readonly #sampleLength: number;
  readonly #run: BoundRun;
  #filled = 0;
  #weightSum = 0;

  constructor(graph: GraphSession, { step, layout, input, shardSize }: TrainingProgram) {
    this.#theta = createState(layout);
    this.thetaTensors = stateTensors(this.#theta);
    this.#sampleLength = sampleLength(input);
    this.#inputs = new Float32Array(shardSize * this.#sampleLength);
    this.#targets = boundTargets(step.target, shardSize);
    this.#weights = new Float32Array(shardSize);
    // Gradients lie as the parameters do, so a state can hold them.
    const gradients = createState(layout);
    this.gradients = gradients.parameters;
    const parameters = layout.tensors.filter((entry) => entry.role === "parameter");
    const inputs: [string, Tensor][] = [
      [
        step.inputs.x,
        { dtype: "float32", shape: batchShape(input, shardSize), data: this.#inputs },
      ],
      [step.inputs.targets, this.#targets.tensor],
      [step.inputs.weights, { dtype: "float32", shape: [shardSize], data: this.#weights }],
    ];
    const outputs = parameters.map((entry, i): [string, Tensor] => [
      step.outputs.gradients[i] ?? entry.name,
      { dtype: "float32", shape: entry.shape, data: dataOf(gradients, entry) },
    ]);
    outputs.push([step.outputs.loss, { dtype: "float32", shape: [], data: this.#loss }]);
    const { totalWeight } = step.outputs;
    this.#totalWeight = totalWeight === null ? null : new Float32Array(1);
    if (totalWeight !== null && this.#totalWeight !== null) {
      outputs.push([totalWeight, { dtype: "float32", shape: [], data: this.#totalWeight }]);
    }
    this.#run = graph.bind(new Map([...this.thetaTensors, ...inputs]), new Map(outputs));
  }

  /** Copies θ and the rows `from` to `to` of the batch in. */
  load({ state, batch, targets, weights }: TrainingMemory, from: number, to: number): void {
    this.loadTheta(state);
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
  }

  /** Copies only θ in. */
  loadTheta(state: SharedArrayBuffer): void {
    new Uint8Array(this.#theta.buffer).set(new Uint8Array(state));
  }

  /** Computes the sum of weight × loss over the loaded rows, and {@link ShardGraph.gradients}. */
  run(): number | Promise<number> {
    const running = this.#run();
    return running === undefined ? this.#lossSum() : running.then(() => this.#lossSum());
  }

  /** How much the loaded rows count together; known when the graph has run. */
  get totalWeight(): number {
    return this.#totalWeight?.[0] ?? this.#weightSum;
  }

  #lossSum(): number {
    return this.#loss[0] ?? NaN;
  }
}

/** Private memory for the targets of one part of a batch. */
interface BoundTargets {
  readonly tensor: Tensor;
  /** Copies the targets of the rows `from` to `to` of a batch to the front. */
  load(targets: TrainingMemory["targets"], from: number, to: number): void;
  /** Zeros in the rows `from` to `to` of the part. */
  clear(from: number, to: number): void;
}

function boundTargets(target: TargetSpec, shardSize: number): BoundTargets {
  if (target.kind === "classIndex") {
    const data = new BigInt64Array(shardSize);
    // The int64 numbers as pairs of words, low half first: avoids BigInt.
    const words = new Int32Array(data.buffer);
    return {
      tensor: { dtype: "int64", shape: [shardSize], data },
      load: (targets, from, to) => {
        for (let i = 0; i < to - from; i++) {
          const value = targets[from + i] ?? 0;
          words[2 * i] = value;
          words[2 * i + 1] = value < 0 ? -1 : 0;
        }
      },
      clear: (from, to) => void words.fill(0, 2 * from, 2 * to),
    };
  }
  const length = targetLength(target);
  const data = new Float32Array(shardSize * length);
  return {
    tensor: { dtype: "float32", shape: [shardSize, ...target.shape], data },
    load: (targets, from, to) => data.set(targets.subarray(from * length, to * length)),
    clear: (from, to) => void data.fill(0, from * length, to * length),
  };
}
