import { createState, type ModelState } from "@everfresh/core";
import { loadRuntime } from "../runtime/load-runtime.ts";
import type { GraphSession, NamedTensors } from "../runtime/runtime.ts";
import { arriveAndWait } from "./barrier.ts";
import { publishGradients } from "./gradients.ts";
import { predictRows, stateTensors } from "./predictor.ts";
import { ShardGraph } from "./shard-graph.ts";
import { SliceUpdate } from "./slice-update.ts";
import { rowsOf, SHARD_LOSS, SHARD_USABLE, SHARD_WEIGHT } from "./training-memory.ts";
import type { TrainingRequest, TrainingWorkerSetup, WorkerReport } from "./training-protocol.ts";

type Request<K extends TrainingRequest["kind"]> = Extract<TrainingRequest, { kind: K }>;

/**
 * One worker's part of a training session. A step, in every worker at the same time:
 *
 *   1. copy θ and its part of the batch into private memory (ONNX Runtime takes no shared memory)
 *   2. run the graph: sum of the losses, sums of the gradients
 *   3. publish both, and meet the others at the barrier
 *   4. if all parts are finite and any sample counts: add up the gradients of its slice of the
 *      parameters in the order of the workers, divide once by the sum of the weights, clip if asked
 *      (that takes a second barrier), let the optimizer move that slice of θ
 *
 * The main thread starts nothing new before all workers have answered, so step 1 sees a whole θ.
 */
export class TrainingShard {
  readonly report: WorkerReport;
  readonly #setup: TrainingWorkerSetup;
  readonly #graph: ShardGraph;
  readonly #update: SliceUpdate;
  readonly #inference: GraphSession;
  /** Private copy of a state other than θ, to predict under. */
  readonly #other: ModelState;
  readonly #otherTensors: NamedTensors;

  private constructor(
    setup: TrainingWorkerSetup,
    report: WorkerReport,
    step: GraphSession,
    inference: GraphSession,
  ) {
    const { program, rank, memory, optimizer } = setup;
    this.report = report;
    this.#setup = setup;
    this.#graph = new ShardGraph(step, program);
    this.#update = new SliceUpdate(optimizer, memory, rank, program.layout.parameterCount);
    this.#inference = inference;
    this.#other = createState(program.layout);
    this.#otherTensors = stateTensors(this.#other);
  }

  /** Loads ONNX Runtime and opens both graphs. */
  static async open(setup: TrainingWorkerSetup): Promise<TrainingShard> {
    const { backend, threads, program } = setup;
    const runtime = await loadRuntime(backend);
    const step = await runtime.open(program.step.onnx, { threads });
    const inference = await runtime.open(program.inference, { threads });
    const report = { backend: runtime.backend, onnxruntime: runtime.version };
    return new TrainingShard(setup, report, step, inference);
  }

  /**
   * Takes part in one step. When any part of the batch is not usable no worker changes anything.
   * @throws RuntimeFailedError after the barrier, when this worker's graph could not be run
   */
  async step({ size, optimizerStep }: Request<"step">): Promise<void> {
    const { rank, program, memory } = this.#setup;
    const [from, to] = rowsOf(rank, program.shardSize, size);
    const row = memory.shards[rank];
    const sums = memory.gradients[rank];
    if (row === undefined || sums === undefined) throw new RangeError(`no worker ${rank}`);
    row.fill(0);
    try {
      if (from === to) {
        sums.fill(0);
        row[SHARD_USABLE] = 1;
      } else {
        this.#graph.load(memory, from, to);
        const running = this.#graph.run();
        const loss = typeof running === "number" ? running : await running;
        row[SHARD_LOSS] = loss;
        row[SHARD_WEIGHT] = this.#graph.totalWeight;
        const finite = publishGradients(this.#graph.gradients, sums);
        row[SHARD_USABLE] = Number.isFinite(loss) && finite ? 1 : 0;
      }
    } finally {
      arriveAndWait(memory.barrier, this.#setup.workers);
    }
    const rows = memory.shards;
    if (rows.every((shard) => shard[SHARD_USABLE] === 1)) {
      const weight = rows.reduce((sum, shard) => sum + (shard[SHARD_WEIGHT] ?? 0), 0);
      if (weight > 0) this.#update.apply(weight, optimizerStep);
    }
  }

  /** The outputs for all rows of `inputs` under `state`. */
  predict({ state, inputs, size }: Request<"predict">): Promise<Float32Array<ArrayBuffer>> {
    const { program, memory } = this.#setup;
    if (state === null) {
      this.#graph.loadTheta(memory.state);
      return predictRows(this.#inference, program, this.#graph.thetaTensors, inputs, size);
    }
    new Uint8Array(this.#other.buffer).set(new Uint8Array(state));
    return predictRows(this.#inference, program, this.#otherTensors, inputs, size);
  }
}
