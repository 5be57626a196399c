import {
  type Clock,
  assert,
  type ModelState,
  ShapeError,
  stateOn,
  ValueRangeError,
} from "@everfresh/core";
import { NonFiniteLossError, SessionClosedError } from "../errors.ts";
import { encodeOptimizerState } from "../optimizers/optimizer-bytes.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import { checkBatch } from "./batch-check.ts";
import type { ExecutionPlan } from "./execution-plan.ts";
import { OperationQueue } from "./operation-queue.ts";
import { checkInputs } from "./predictor.ts";
import { SHARD_LOSS, SHARD_USABLE, SHARD_WEIGHT, type TrainingMemory } from "./training-memory.ts";
import { sampleLength, type TrainingProgram } from "./training-program.ts";
import type {
  StepResult,
  TrainingBatch,
  TrainingCheckpoint,
  TrainingSession,
} from "./training-session.ts";
import type { TrainingWorkers } from "./training-workers.ts";

// Fewer rows than this are not worth a second worker: waking it costs as much as computing them.
const ROWS_PER_WORKER_MIN = 32;

/** What a {@link DataParallelSession} is made of. */
interface DataParallelParts {
  readonly plan: ExecutionPlan;
  readonly program: TrainingProgram;
  readonly batchSize: number;
  readonly memory: TrainingMemory;
  readonly workers: TrainingWorkers;
  readonly optimizer: Optimizer;
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
    this.state = stateOn(parts.program.layout, parts.memory.state);
    this.#parts = parts;
    this.#optimizerStep = parts.optimizerStep;
  }

  async step(batch: TrainingBatch): Promise<StepResult> {
    this.#checkOpen();
    checkBatch(batch, this.#parts.program, this.#parts.batchSize);
    // The caller may use its arrays again before a step that has to wait is done with them.
    const own = this.#queue.wouldWait("exclusive") ? copyOf(batch) : batch;
    return await this.#queue.run("exclusive", () => this.#step(own));
  }

  async predict(state: ModelState, inputs: Float32Array, size: number): Promise<Float32Array> {
    this.#checkOpen();
    const { program, memory, workers } = this.#parts;
    const { byteLength, parameterCount } = program.layout;
    if (state.buffer.byteLength !== byteLength || state.parameters.length !== parameterCount) {
      throw new ShapeError(
        `predict() got a state of ${state.buffer.byteLength} bytes; this model's has ${byteLength}`,
      );
    }
    checkInputs(inputs, size, sampleLength(program.input));
    const shared = state.buffer === memory.state ? null : inSharedMemory(state.buffer);
    const parts = partsOf(size, workers.count).map(([from, to]) => ({
      size: to - from,
      inputs: rowsCopy(inputs, sampleLength(program.input), from, to),
    }));
    const outputs = await this.#queue.run("shared", () =>
      Promise.all(parts.map((part) => workers.predict(shared, part.inputs, part.size))),
    );
    return concatenate(outputs);
  }

  checkpoint(): TrainingCheckpoint {
    assert(!this.#queue.exclusiveRunning, "checkpoint() while a step is pending");
    const { memory, optimizer, program } = this.#parts;
    const optimizerState = { step: this.#optimizerStep, slots: memory.slots };
    return {
      state: new Uint8Array(memory.state).slice(),
      optimizer: encodeOptimizerState(optimizer, optimizerState, program.layout.parameterCount),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#parts.workers.end();
    return this.#closing;
  }

  async #step({ inputs, targets, weights, size }: TrainingBatch): Promise<StepResult> {
    const { memory, workers, clock } = this.#parts;
    const startedMs = clock.monotonicMs();
    memory.batch.set(inputs);
    memory.targets.set(targets);
    if (weights === undefined) memory.weights.fill(1, 0, size);
    else memory.weights.set(weights);
    await workers.step(size, this.#optimizerStep);
    const sum = (index: number): number =>
      memory.shards.reduce((total, shard) => total + (shard[index] ?? 0), 0);
    const weight = sum(SHARD_WEIGHT);
    const loss = sum(SHARD_LOSS) / weight;
    if (sum(SHARD_USABLE) < workers.count) {
      throw new NonFiniteLossError(this.#optimizerStep + 1, loss);
    }
    if (weight === 0) {
      throw new ValueRangeError(
        `None of the ${size} samples of the batch counts; give one a weight above 0 and a target`,
        { size },
      );
    }
    this.#optimizerStep++;
    return { loss, stepMs: clock.monotonicMs() - startedMs };
  }

  #checkOpen(): void {
    if (this.#closing !== null) throw new SessionClosedError();
  }
}

function copyOf({ inputs, targets, weights, size }: TrainingBatch): TrainingBatch {
  const copied = { inputs: inputs.slice(), targets: targets.slice(), size };
  return weights === undefined ? copied : { ...copied, weights: weights.slice() };
}

/** Splits `size` rows evenly over up to `workers` parts. */
function partsOf(size: number, workers: number): [from: number, to: number][] {
  const count = Math.max(1, Math.min(workers, Math.floor(size / ROWS_PER_WORKER_MIN)));
  const cut = (part: number): number => Math.floor((size * part) / count);
  return Array.from({ length: count }, (_, part) => [cut(part), cut(part + 1)]);
}

function rowsCopy(
  inputs: Float32Array,
  length: number,
  from: number,
  to: number,
): Float32Array<ArrayBuffer> {
  const rows = new Float32Array((to - from) * length);
  rows.set(inputs.subarray(from * length, to * length));
  return rows;
}

function inSharedMemory(buffer: ArrayBufferLike): SharedArrayBuffer {
  if (buffer instanceof SharedArrayBuffer) return buffer;
  const shared = new SharedArrayBuffer(buffer.byteLength);
  new Uint8Array(shared).set(new Uint8Array(buffer));
  return shared;
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
