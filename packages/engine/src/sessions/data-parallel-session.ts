import {
  type BufferChange,
  type Clock,
  assert,
  type ModelState,
  ShapeError,
  stateBytes,
  stateWithin,
  ValueRangeError,
} from "@everfresh/core";
import { NonFiniteLossError, SessionClosedError } from "../errors.ts";
import { encodeOptimizerState } from "../optimizers/optimizer-bytes.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import { checkBatch, checkSize, checkStatistics } from "./batch-check.ts";
import { type BatchMoments, pooledMoments } from "./batch-moments.ts";
import type { ExecutionPlan } from "./execution-plan.ts";
import { describePlace, type NonFinitePlace } from "./non-finite.ts";
import { OperationQueue } from "./operation-queue.ts";
import { checkBuffer, writeBuffer } from "./set-buffers.ts";
import { concatenate, partsOf, rowsCopy } from "./prediction-rows.ts";
import { checkInputs } from "./predictor.ts";
import { restoreCheckpoint } from "./restore-checkpoint.ts";
import type { TrainingGraphs } from "./training-graphs.ts";
import {
  SHARD_LOSS,
  SHARD_MOVED,
  SHARD_NATURAL,
  SHARD_USABLE,
  SHARD_WEIGHT,
  type TrainingMemory,
} from "./training-memory.ts";
import { sampleLength, type TrainingProgram } from "./training-program.ts";
import type { BatchPart } from "./training-protocol.ts";
import type {
  BatchGradient,
  StepResult,
  TrainingBatch,
  TrainingCheckpoint,
  TrainingSession,
} from "./training-session.ts";
import type { TrainingWorkers } from "./training-workers.ts";

/** What a {@link DataParallelSession} is made of. */
interface DataParallelParts {
  readonly plan: ExecutionPlan;
  readonly program: TrainingProgram;
  readonly graphs: TrainingGraphs;
  readonly batchSize: number;
  readonly memory: TrainingMemory;
  readonly workers: TrainingWorkers;
  readonly optimizer: Optimizer;
  readonly measuresGradient: boolean;
  /** Steps that the optimizer has taken before this session. */
  readonly optimizerStep: number;
  readonly clock: Clock;
}

/** The main thread's side of training: checks, queues and asks; the workers compute. */
export class DataParallelSession implements TrainingSession {
  readonly plan: ExecutionPlan;
  readonly state: ModelState;
  readonly #parts: DataParallelParts;
  readonly #queue: OperationQueue = new OperationQueue();
  #optimizerStep: number;
  #closing: Promise<void> | null = null;

  constructor(parts: DataParallelParts) {
    this.plan = parts.plan;
    const { state, stateMemory } = parts.memory;
    const theta = stateWithin(parts.program.layout, state, stateMemory);
    const { movers } = parts.workers;
    this.state = movers === null ? theta : { ...theta, movers };
    this.#parts = parts;
    this.#optimizerStep = parts.optimizerStep;
  }

  get optimizerStep(): number {
    return this.#optimizerStep;
  }

  async step(batch: TrainingBatch): Promise<StepResult> {
    const { clock, measuresGradient } = this.#parts;
    return await this.#inTurn(batch, async (own) => {
      const startedMs = clock.monotonicMs();
      const loss = await this.#compute("step", own, this.#optimizerStep);
      this.#optimizerStep++;
      const naturalGradientNorm = Math.sqrt(this.#sum(SHARD_NATURAL));
      const measured = measuresGradient ? { naturalGradientNorm } : {};
      return { loss, stepMs: clock.monotonicMs() - startedMs, ...measured };
    });
  }

  async gradient(batch: TrainingBatch, step: number): Promise<BatchGradient> {
    return await this.#inTurn(batch, async (own) => {
      const loss = await this.#compute("gradient", own, step);
      const [gradient] = this.#parts.memory.gradients;
      assert(gradient !== undefined, "there is at least one worker");
      return { gradient, loss };
    });
  }

  async predict(state: ModelState, inputs: Float32Array, size: number): Promise<Float32Array> {
    this.#checkOpen();
    const { program, workers } = this.#parts;
    checkInputs(inputs, size, sampleLength(program.input));
    const shared = this.#forWorkers(state);
    const parts = partsOf(size, workers.count).map(([from, to]) => ({
      size: to - from,
      inputs: rowsCopy(inputs, sampleLength(program.input), from, to),
    }));
    const outputs = await this.#queue.run("shared", () =>
      Promise.all(parts.map((part) => workers.predict(shared, part.inputs, part.size))),
    );
    return concatenate(outputs);
  }

  async moments(state: ModelState, inputs: Float32Array, size: number): Promise<BatchMoments> {
    this.#checkOpen();
    const { program, graphs, workers, batchSize } = this.#parts;
    const length = sampleLength(program.input);
    checkInputs(inputs, size, length);
    checkSize(size, batchSize);
    checkStatistics({ size }, program);
    if (program.step.outputs.moments.length === 0) return { size, layers: [] };
    const shared = this.#forWorkers(state);
    const parts = graphs.momentsOf(size).map(({ rows: [from, to], graph }) => {
      return { graph, state: shared, inputs: rowsCopy(inputs, length, from, to) };
    });
    return await this.#queue.run("shared", async () =>
      pooledMoments(await Promise.all(parts.map((part) => workers.moments(part)))),
    );
  }

  async inputGradients(state: ModelState, batch: TrainingBatch): Promise<Float32Array> {
    this.#checkOpen();
    const { program, graphs, workers } = this.#parts;
    checkBatch(batch, program, Infinity);
    const shared = this.#forWorkers(state);
    const { size } = batch;
    const { inputs, targets, weights = new Float32Array(size).fill(1) } = copyOf(batch);
    const request = {
      step: graphs.inputGradient(),
      state: shared,
      batch: { inputs, targets, weights, size },
    };
    return await this.#queue.run("shared", () => workers.inputGradients(request));
  }

  checkpoint(): TrainingCheckpoint {
    assert(!this.#queue.exclusiveRunning, "checkpoint() while a step is pending");
    const { memory, optimizer, program } = this.#parts;
    const optimizerState = { step: this.#optimizerStep, slots: memory.slots };
    return {
      state: stateBytes(this.state).slice(),
      optimizer: encodeOptimizerState(optimizer, optimizerState, program.layout.parameterCount),
    };
  }

  async restore(checkpoint: TrainingCheckpoint): Promise<void> {
    this.#checkOpen();
    const { state, optimizer: bytes } = checkpoint;
    const waits = this.#queue.wouldWait("exclusive");
    const own = waits ? { state: state.slice(), optimizer: bytes.slice() } : checkpoint;
    const { memory, optimizer, program, workers } = this.#parts;
    await this.#queue.run("exclusive", async () => {
      const { layout } = program;
      this.#optimizerStep = restoreCheckpoint(own, { layout, optimizer, memory });
      await workers.restored();
    });
  }

  async setBuffers(changes: readonly BufferChange[]): Promise<void> {
    this.#checkOpen();
    const { layout } = this.state;
    for (const change of changes) checkBuffer(layout, change);
    const waits = this.#queue.wouldWait("exclusive");
    const own = waits
      ? changes.map(({ tensor, data }) => ({ tensor, data: data.slice() }))
      : changes;
    await this.#queue.run("exclusive", () => {
      for (const change of own) writeBuffer(this.state, change);
      return Promise.resolve();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#parts.workers.end();
    return this.#closing;
  }

  /** Does what works on a batch and on θ when its turn comes. */
  async #inTurn<T>(batch: TrainingBatch, work: (own: TrainingBatch) => Promise<T>): Promise<T> {
    this.#checkOpen();
    checkBatch(batch, this.#parts.program, this.#parts.batchSize);
    checkStatistics(batch, this.#parts.program);
    // The caller may use its arrays again before work that has to wait is done with them.
    const own = this.#queue.wouldWait("exclusive") ? copyOf(batch) : batch;
    return await this.#queue.run("exclusive", () => work(own));
  }

  /** One step, or its gradient; returns the mean loss. */
  async #compute(
    kind: "step" | "gradient",
    { inputs, targets, weights, size }: TrainingBatch,
    step: number,
  ): Promise<number> {
    const { memory, workers, graphs } = this.#parts;
    memory.batch.set(inputs);
    memory.targets.set(targets);
    if (weights === undefined) memory.weights.fill(1, 0, size);
    else memory.weights.set(weights);
    const parts = graphs.partsOf(size);
    await workers.compute(kind, parts, step);
    const weight = this.#sum(SHARD_WEIGHT);
    const loss = this.#sum(SHARD_LOSS) / weight;
    const usable = this.#sum(SHARD_USABLE) === workers.count;
    if (usable && weight === 0) {
      throw new ValueRangeError(
        `None of the ${size} samples of the batch counts; give one a weight above 0 and a target`,
        { size },
      );
    }
    if (!usable || this.#sum(SHARD_MOVED) < workers.count) {
      const place = await this.#findNonFinite(parts, weight);
      const cause = place === null ? null : describePlace(place);
      throw new NonFiniteLossError(step + 1, loss, cause);
    }
    return loss;
  }

  /** One number of all workers, added up in their order. */
  #sum(index: number): number {
    return this.#parts.memory.shards.reduce((total, shard) => total + (shard[index] ?? 0), 0);
  }

  /** Where the last step went wrong; null when even that fails. */
  async #findNonFinite(
    parts: readonly BatchPart[],
    weight: number,
  ): Promise<NonFinitePlace | null> {
    const { memory, workers, graphs } = this.#parts;
    const rank = memory.shards.findIndex((shard) => !Number.isFinite(shard[SHARD_LOSS]));
    const part = parts[rank];
    try {
      const diagnosis = part === undefined ? null : graphs.diagnosis(part.rows);
      return await workers.diagnose(Math.max(0, rank), { diagnosis, weight });
    } catch {
      // The error of the step counts, not that its cause stays unknown.
      return null;
    }
  }

  /**
   * A state as workers take it; null is θ.
   * @throws ShapeError when it has another layout
   */
  #forWorkers(state: ModelState): ArrayBufferLike | null {
    const { program, memory } = this.#parts;
    const { byteLength, parameterCount } = program.layout;
    const { byteLength: actual } = state.layout;
    if (actual !== byteLength || state.parameters.length !== parameterCount) {
      throw new ShapeError(`The state has ${actual} bytes; this model's has ${byteLength}`, {
        expected: byteLength,
        actual,
      });
    }
    return state.buffer === memory.state ? null : inSharedMemory(state.buffer);
  }

  #checkOpen(): void {
    if (this.#closing !== null) throw new SessionClosedError();
  }
}

function copyOf({ inputs, targets, weights, size }: TrainingBatch): TrainingBatch {
  const copied = { inputs: inputs.slice(), targets: targets.slice(), size };
  return weights === undefined ? copied : { ...copied, weights: weights.slice() };
}

/** The state for the workers: shared where there is shared memory, which most pages do not have. */
function inSharedMemory(buffer: ArrayBufferLike): ArrayBufferLike {
  if (typeof SharedArrayBuffer === "undefined") return buffer.slice(0);
  if (buffer instanceof SharedArrayBuffer) return buffer;
  const shared = new SharedArrayBuffer(buffer.byteLength);
  new Uint8Array(shared).set(new Uint8Array(buffer));
  return shared;
}
