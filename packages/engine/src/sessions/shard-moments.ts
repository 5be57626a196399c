import { assert, type Tensor } from "@everfresh/core";
import type { MomentsGraph } from "../autodiff/moments-graph.ts";
import type { ModelPort } from "../models/model.ts";
import type { BoundRun, GraphSession, NamedTensors } from "../runtime/runtime.ts";
import type { BatchMoments, LayerMoments } from "./batch-moments.ts";
import { batchShape, sampleLength } from "./training-program.ts";

/** The graph of a batch's statistics with private memory bound to it. */
export class ShardMoments {
  readonly #graph: GraphSession;
  readonly #batchSize: number;
  readonly #inputs: Float32Array;
  readonly #outputs: readonly {
    readonly layer: Omit<LayerMoments, "mean" | "variance">;
    readonly mean: Float32Array;
    readonly variance: Float32Array;
  }[];
  readonly #run: BoundRun;

  /** @param state what the samples are looked at under; what is in its memory counts */
  constructor(
    graph: GraphSession,
    { batchSize, moments }: MomentsGraph,
    input: ModelPort,
    state: NamedTensors,
  ) {
    this.#graph = graph;
    this.#batchSize = batchSize;
    this.#inputs = new Float32Array(batchSize * sampleLength(input));
    const results = new Map<string, Tensor>();
    this.#outputs = moments.map((names) => {
      const { runningMean, runningVariance, elements } = names;
      const channels = state.get(runningMean)?.data.length ?? 0;
      const [mean, variance] = [new Float32Array(channels), new Float32Array(channels)];
      results.set(names.mean, { dtype: "float32", shape: [channels], data: mean });
      results.set(names.variance, { dtype: "float32", shape: [channels], data: variance });
      const elementsPerSample = elements / batchSize;
      return { layer: { runningMean, runningVariance, elementsPerSample }, mean, variance };
    });
    const shape = batchShape(input, batchSize);
    this.#run = graph.bind(
      new Map([...state, [input.name, { dtype: "float32", shape, data: this.#inputs }]]),
      results,
    );
  }

  /** The statistics of as many samples as the graph takes. */
  async compute(inputs: Float32Array): Promise<BatchMoments> {
    assert(inputs.length === this.#inputs.length, "the part has the size of its graph");
    this.#inputs.set(inputs);
    const running = this.#run();
    if (running !== undefined) await running;
    const layers = this.#outputs.map(({ layer, mean, variance }) => ({
      ...layer,
      mean: Float64Array.from(mean),
      variance: Float64Array.from(variance),
    }));
    return { size: this.#batchSize, layers };
  }

  /** Frees the graph; no run may follow. */
  release(): Promise<void> {
    return this.#graph.release();
  }
}
