import { createState, dataOf, type ModelState, type Tensor } from "@everfresh/core";
import type { BoundRun, GraphSession, NamedTensors } from "../runtime/runtime.ts";
import { stateTensors } from "./predictor.ts";
import type { TrainingMemory } from "./training-memory.ts";
import { batchShape, sampleLength, type TrainingProgram } from "./training-program.ts";

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
  /** The int64 targets as pairs of words, low half first: avoids BigInt. Targets are never negative. */
  readonly #targetWords: Int32Array;
  readonly #weights: Float32Array;
  readonly #sampleLength: number;
  readonly #run: BoundRun;
  #filled = 0;

  constructor(graph: GraphSession, { step, layout, input, shardSize }: TrainingProgram) {
    this.#theta = createState(layout);
    this.thetaTensors = stateTensors(this.#theta);
    this.#sampleLength = sampleLength(input);
    this.#inputs = new Float32Array(shardSize * this.#sampleLength);
    const targets = new BigInt64Array(shardSize);
    this.#targetWords = new Int32Array(targets.buffer);
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
      [step.inputs.targets, { dtype: "int64", shape: [shardSize], data: targets }],
      [step.inputs.weights, { dtype: "float32", shape: [shardSize], data: this.#weights }],
    ];
    const outputs = parameters.map((entry, i): [string, Tensor] => [
      step.outputs.gradients[i] ?? entry.name,
      { dtype: "float32", shape: entry.shape, data: dataOf(gradients, entry) },
    ]);
    outputs.push([step.outputs.loss, { dtype: "float32", shape: [], data: this.#loss }]);
    this.#run = graph.bind(new Map([...this.thetaTensors, ...inputs]), new Map(outputs));
  }

  /** Copies θ and the rows `from` to `to` of the batch in. */
  load({ state, batch, targets }: TrainingMemory, from: number, to: number): void {
    this.loadTheta(state);
    const count = to - from;
    const length = this.#sampleLength;
    this.#inputs.set(batch.subarray(from * length, to * length));
    for (let i = 0; i < count; i++) {
      this.#targetWords[2 * i] = targets[from + i] ?? 0;
      this.#weights[i] = 1;
    }
    if (count < this.#filled) {
      this.#inputs.fill(0, count * length, this.#filled * length);
      this.#targetWords.fill(0, 2 * count, 2 * this.#filled);
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

  #lossSum(): number {
    return this.#loss[0] ?? NaN;
  }
}
