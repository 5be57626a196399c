import { copyState, createState, type ModelState, stateWithin } from "@everfresh/core";
import type { TrainingStep } from "../autodiff/training-step.ts";
import type { GraphSession, LoadRuntime, NamedTensors, Runtime } from "../runtime/runtime.ts";
import { arriveAndWait } from "./barrier.ts";
import type { BatchMoments } from "./batch-moments.ts";
import { isBelow, SMALL_WEIGHT_MIN } from "./gradients.ts";
import { findGradient, findNonFinite, type NonFinitePlace } from "./non-finite.ts";
import { predictRows, stateTensors } from "./predictor.ts";
import { Recent } from "./recent.ts";
import { RunningStatistics } from "./running-statistics.ts";
import { type SelfTestReport, selfTest } from "./self-test.ts";
import { ShardGraph } from "./shard-graph.ts";
import { ShardInputGradient } from "./shard-input-gradient.ts";
import { ShardMoments } from "./shard-moments.ts";
import { ShardState } from "./shard-state.ts";
import { SliceUpdate } from "./slice-update.ts";
import {
  SHARD_LARGE,
  SHARD_LOSS,
  SHARD_MOVED,
  SHARD_ROWS,
  SHARD_USABLE,
  SHARD_WEIGHT,
} from "./training-memory.ts";
import type { TrainingRequest, TrainingWorkerSetup, WorkerReport } from "./training-protocol.ts";
import type { Answer } from "./worker-loop.ts";

type Request<K extends TrainingRequest["kind"]> = Extract<TrainingRequest, { kind: K }>;

// The parts of the batches of a stream have few sizes; each graph takes memory for all it computes.
const GRAPHS_MAX = 3;

/**
 * One worker's part of a training session. A step, in every worker at the same time:
 *
 *   1. copy θ and its part of the batch into private memory (ONNX Runtime takes no shared memory)
 *   2. run the graph: sum of the losses, sums of the gradients, statistics of its rows
 *   3. publish them, and meet the others at the barrier
 *   4. if all parts are finite and any sample counts: add up the gradients of its slice of the
 *      parameters in the order of the workers, divide once by the sum of the weights, clip if asked
 *      (that takes another barrier), let the optimizer move that slice of θ; worker 0 also moves the
 *      running statistics
 *
 * The main thread starts nothing new before all workers have answered, so step 1 sees a whole θ.
 */
export class TrainingShard {
  readonly report: WorkerReport;
  readonly #setup: TrainingWorkerSetup;
  readonly #runtime: Runtime;
  readonly #state: ShardState;
  readonly #fullGraph: ShardGraph;
  /** Graphs for parts of other sizes, by their number of samples. */
  readonly #graphs: Recent<number, Promise<ShardGraph>>;
  /** Graphs of statistics, by their number of samples. */
  readonly #moments: Recent<number, Promise<ShardMoments>>;
  readonly #update: SliceUpdate;
  readonly #statistics: RunningStatistics;
  readonly #inference: GraphSession;
  /** What ran last, and from which row of the batch on. */
  #last: { readonly graph: ShardGraph; readonly firstRow: number } | null = null;
  #other: { readonly state: ModelState; readonly tensors: NamedTensors } | null = null;
  #inputGradient: ShardInputGradient | null = null;

  private constructor(
    setup: TrainingWorkerSetup,
    runtime: Runtime,
    graphs: { readonly step: GraphSession; readonly inference: GraphSession },
  ) {
    const { program, rank, memory, optimizer, measuresGradient } = setup;
    const { step, input, layout } = program;
    const { backend, provider, version, fallbackReason } = runtime;
    const why = fallbackReason === null ? {} : { fallbackReason };
    this.report = { backend, provider, onnxruntime: version, ...why };
    this.#setup = setup;
    this.#runtime = runtime;
    this.#state = new ShardState(layout);
    this.#fullGraph = new ShardGraph(graphs.step, step, input, this.#state);
    this.#graphs = new Recent<number, Promise<ShardGraph>>(GRAPHS_MAX, release);
    this.#moments = new Recent<number, Promise<ShardMoments>>(GRAPHS_MAX, release);
    const { parameterCount } = layout;
    const updateOptions = { source: this.#state.gradientMemory, measuresGradient };
    this.#update = new SliceUpdate(optimizer, memory, rank, parameterCount, updateOptions);
    this.#statistics = new RunningStatistics(program, memory, stateWithin(layout, memory.state));
    this.#inference = graphs.inference;
  }

  /** Loads ONNX Runtime and opens the graphs of training and of inference. */
  static async open(setup: TrainingWorkerSetup, load: LoadRuntime): Promise<TrainingShard> {
    const { threads, program } = setup;
    const runtime = await load(setup.runtime);
    const step = await runtime.open(program.step.onnx, { threads });
    const inference = await runtime.open(program.inference, { threads });
    return new TrainingShard(setup, runtime, { step, inference });
  }

  /** Does what the main thread asks for. */
  async answer(request: TrainingRequest): Promise<Answer> {
    switch (request.kind) {
      case "step":
      case "gradient":
        await this.step(request);
        return { value: null };
      case "watch":
        this.#update.watch(request.kernel);
        return { value: null };
      case "restored":
        // What it works on is looked up in every request.
        return { value: null };
      case "predict": {
        const outputs = await this.predict(request);
        return { value: outputs, transfer: [outputs.buffer] };
      }
      case "inputGradients": {
        const gradients = await this.inputGradients(request);
        return { value: gradients, transfer: [gradients.buffer] };
      }
      case "moments":
        return { value: await this.moments(request) };
      case "diagnose":
        return { value: await this.diagnose(request) };
      case "selfTest":
        return { value: await this.selfTest(request) };
    }
  }

  /**
   * Takes part in one step, or in the part of it that ends with the mean gradient. When any part of the
   * batch is not usable no worker changes anything.
   * @throws RuntimeFailedError after the barrier, when this worker's graph could not be run
   */
  async step(request: Request<"step" | "gradient">): Promise<void> {
    const { rank, memory, workers } = this.#setup;
    const row = memory.shards[rank];
    if (row === undefined) throw new RangeError(`no worker ${rank}`);
    row.fill(0);
    try {
      await this.#compute(request, row);
    } finally {
      arriveAndWait(memory.barrier, workers);
    }
    const rows = memory.shards;
    if (!rows.every((shard) => shard[SHARD_USABLE] === 1)) return;
    const weight = rows.reduce((sum, shard) => sum + (shard[SHARD_WEIGHT] ?? 0), 0);
    if (weight === 0) return;
    const large = rows.some((shard) => shard[SHARD_LARGE] === 1);
    const mayOverflow = large || weight < SMALL_WEIGHT_MIN;
    const isSound =
      request.kind === "step"
        ? this.#update.apply(weight, request.optimizerStep, mayOverflow)
        : this.#update.average(weight, mayOverflow);
    if (!isSound) return;
    if (rank === 0) this.#statistics.update();
    row[SHARD_MOVED] = 1;
  }

  /** The outputs for all rows of `inputs` under `state`. */
  predict({ state, inputs, size }: Request<"predict">): Promise<Float32Array<ArrayBuffer>> {
    const { program, memory } = this.#setup;
    if (state === null) {
      this.#state.load(memory.state);
      return predictRows(this.#inference, program, this.#state.tensors, inputs, size);
    }
    return predictRows(this.#inference, program, this.#under(state), inputs, size);
  }

  /** The gradients of the loss with respect to all rows of the inputs. */
  async inputGradients({
    step,
    state,
    batch,
  }: Request<"inputGradients">): Promise<Float32Array<ArrayBuffer>> {
    const { program, memory, threads } = this.#setup;
    const tensors = this.#under(state ?? memory.state);
    if (this.#inputGradient === null) {
      const graph = await this.#runtime.open(step.onnx.slice(), { threads });
      const ports = { input: program.input, target: program.step.target };
      this.#inputGradient = new ShardInputGradient(graph, step, ports, tensors);
    }
    return this.#inputGradient.compute(batch);
  }

  /** The statistics of some samples. */
  async moments({ graph, state, inputs }: Request<"moments">): Promise<BatchMoments> {
    const tensors = this.#under(state ?? this.#setup.memory.state);
    try {
      const open = async (): Promise<ShardMoments> => {
        const { threads, program } = this.#setup;
        const session = await this.#runtime.open(graph.onnx.slice(), { threads });
        return new ShardMoments(session, graph, program.input, tensors);
      };
      return await (await this.#moments.get(graph.batchSize, open)).compute(inputs);
    } catch (error) {
      this.#moments.forget(graph.batchSize);
      throw error;
    }
  }

  /** Where a number first went wrong in the last step. */
  async diagnose({ diagnosis, weight }: Request<"diagnose">): Promise<NonFinitePlace | null> {
    const { memory, program } = this.#setup;
    if (diagnosis === null) return findGradient(memory, program.layout, weight);
    if (this.#last === null) return null;
    const { graph, firstRow } = this.#last;
    const session = await this.#runtime.open(diagnosis.onnx, { threads: this.#setup.threads });
    try {
      return await findNonFinite(session, diagnosis, {
        inputs: graph.inputTensors,
        inputName: program.input.name,
        state: this.#state.tensors,
        firstRow,
      });
    } finally {
      await session.release();
    }
  }

  /** Compares the gradients of a step with those of another formulation of it. */
  selfTest({ candidate, reference }: Request<"selfTest">): Promise<SelfTestReport> {
    const { program, memory, threads } = this.#setup;
    const { input, step, layout } = program;
    const model = { input, state: stateWithin(layout, memory.state) };
    return selfTest(model, candidate ?? step, reference, this.#runtime, { threads });
  }

  async #compute(
    { part, optimizerStep }: Request<"step" | "gradient">,
    row: Float64Array,
  ): Promise<void> {
    const { rank, memory, seed } = this.#setup;
    const published = memory.gradients[rank];
    const moments = memory.moments[rank];
    if (published === undefined || moments === undefined) throw new RangeError(`no worker ${rank}`);
    const [from, to] = part.rows;
    if (from === to) {
      published.fill(0);
      row[SHARD_USABLE] = 1;
      return;
    }
    const graph = await this.#graphFor(part.step);
    this.#state.load(memory.state);
    graph.load(memory, part.rows, { seed, optimizerStep });
    this.#last = { graph, firstRow: from };
    const running = graph.run();
    const loss = typeof running === "number" ? running : await running;
    let offset = 0;
    for (const values of graph.moments) {
      moments.set(values, offset);
      offset += values.length;
    }
    const size = this.#update.publish(this.#state.gradients);
    row[SHARD_LOSS] = loss;
    row[SHARD_WEIGHT] = graph.totalWeight;
    row[SHARD_ROWS] = to - from;
    row[SHARD_LARGE] = size === "large" ? 1 : 0;
    const finite = Number.isFinite(loss) && size !== "notFinite" && isBelow(moments, Infinity);
    row[SHARD_USABLE] = finite ? 1 : 0;
  }

  /** The graph of a step; null is that of a full batch. */
  async #graphFor(step: TrainingStep | null): Promise<ShardGraph> {
    if (step === null) return this.#fullGraph;
    try {
      return await this.#graphs.get(step.batchSize, () => this.#openGraph(step));
    } catch (error) {
      this.#graphs.forget(step.batchSize);
      throw error;
    }
  }

  async #openGraph(step: TrainingStep): Promise<ShardGraph> {
    const { threads, program } = this.#setup;
    const graph = await this.#runtime.open(step.onnx.slice(), { threads });
    return new ShardGraph(graph, step, program.input, this.#state);
  }

  /** The tensors of a private copy of a state other than θ. */
  #under(state: ArrayBufferLike): NamedTensors {
    if (this.#other === null) {
      const copy = createState(this.#setup.program.layout);
      this.#other = { state: copy, tensors: stateTensors(copy) };
    }
    copyState(stateWithin(this.#other.state.layout, state), this.#other.state);
    return this.#other.tensors;
  }
}

/** Frees a graph, if it could be opened. */
function release(graph: Promise<{ release(): Promise<void> }>): void {
  graph.then(
    (opened) => opened.release(),
    () => undefined,
  );
}
