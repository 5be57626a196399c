import {
  assert,
  type BufferChange,
  type Clock,
  type ModelState,
  Random,
  stateBytes,
  streamOf,
} from "@everfresh/core";
import {
  type BatchMoments,
  learningRateAt,
  type StepResult,
  type TrainingBatch,
  type TrainingCheckpoint,
} from "@everfresh/engine";
import { ResumeMismatchError } from "../errors.ts";
import { decodeMemory, encodeMemory } from "./gradient-memory.ts";
import type { GradientSource } from "./gradient-source.ts";
import { checkGradientSpec, type GradientSpec } from "./gradient-spec.ts";
import { type GradientSteps, gradientStepsOf } from "./gradient-steps.ts";
import type { Sparsifier } from "./sparsifier.ts";
import { sparsifierOf } from "./sparsifier-of.ts";

/** Options of {@link gradientTraining}. */
export interface GradientTrainingOptions {
  /** Measures the duration of steps. */
  readonly clock: Clock;
  /** Of random choices. @default 0 */
  readonly seed?: number;
  /** Where to go on. */
  readonly checkpoint?: TrainingCheckpoint;
}

/** The session and the sparsifier of a training loop, which belong together. */
export interface GradientTraining {
  readonly session: GradientSession;
  /**
   * Sends the parameters that the last step moved, as they are now: after every update those of `x̂`
   * are those of θ, bit for bit.
   */
  readonly sparsifier: Sparsifier;
}

/**
 * Training by sparse gradients: θ moves at few entries, which are sent. It is the other way to
 * deploy sparsely; by default training is dense and the difference of the two states is made
 * sparse.
 * @throws LearnOptionError for a number that is out of its range
 * @throws CorruptCheckpointError, ResumeMismatchError for a checkpoint that is damaged or of
 * another kind
 */
export function gradientTraining(
  source: GradientSource,
  spec: GradientSpec,
  options: GradientTrainingOptions,
): GradientTraining {
  checkGradientSpec(spec);
  return {
    session: new GradientSession(source, spec, options),
    sparsifier: sparsifierOf({ kind: "dense", valueType: "float32" }),
  };
}

/** A training session in which a step moves few parameters by SGD. */
export class GradientSession {
  readonly #source: GradientSource;
  readonly #spec: GradientSpec;
  readonly #clock: Clock;
  readonly #steps: GradientSteps;
  #random: Random;
  #step = 0;

  /** See {@link gradientTraining}. */
  constructor(source: GradientSource, spec: GradientSpec, options: GradientTrainingOptions) {
    const { clock, seed = 0, checkpoint } = options;
    this.#source = source;
    this.#spec = spec;
    this.#clock = clock;
    this.#steps = gradientStepsOf(spec, source.state.layout);
    this.#random = new Random(seed, streamOf("sparse gradients"));
    if (checkpoint !== undefined) this.#restore(checkpoint);
  }

  /** θ. */
  get state(): ModelState {
    return this.#source.state;
  }

  /** One step: θ_i ← θ_i − learningRate · g_i at the entries that were chosen, and nowhere else. */
  async step(batch: TrainingBatch): Promise<StepResult> {
    const startMs = this.#clock.monotonicMs();
    const { gradient, loss } = await this.#source.gradient(batch, this.#step);
    const { indices, gradients } = this.#steps.move(gradient, this.#step, this.#random);
    const { parameters } = this.#source.state;
    const learningRate = learningRateAt(this.#spec.learningRate, this.#step);
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i] ?? 0;
      parameters[index] = (parameters[index] ?? 0) - learningRate * (gradients[i] ?? 0);
    }
    this.#step++;
    return { loss, stepMs: this.#clock.monotonicMs() - startMs };
  }

  /** The model's outputs under any state. */
  predict(state: ModelState, inputs: Float32Array, size: number): Promise<Float32Array> {
    return this.#source.predict(state, inputs, size);
  }

  /** What a batch is like at every BatchNormalization under any state. */
  moments(state: ModelState, inputs: Float32Array, size: number): Promise<BatchMoments> {
    return this.#source.moments(state, inputs, size);
  }

  /** Gives θ whole buffers. */
  async setBuffers(changes: readonly BufferChange[]): Promise<void> {
    assert(this.#source.setBuffers !== undefined, "a source that preprocessing learns in");
    await this.#source.setBuffers(changes);
  }

  /** θ and all that is remembered: exact copies. */
  checkpoint(): TrainingCheckpoint {
    return {
      state: stateBytes(this.state).slice(),
      optimizer: encodeMemory(this.#spec.kind, {
        step: this.#step,
        vectors: this.#steps.vectors,
        random: this.#random.position,
      }),
    };
  }

  #restore({ state, optimizer }: TrainingCheckpoint): void {
    const expected = this.state.layout.byteLength;
    if (state.byteLength !== expected) {
      throw new ResumeMismatchError("the length of the state", state.byteLength, expected);
    }
    const { step, random } = decodeMemory(this.#spec.kind, optimizer, this.#steps.vectors);
    stateBytes(this.state).set(state);
    this.#step = step;
    this.#random = Random.at(random);
  }
}
