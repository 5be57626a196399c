import { type Clock, Random, streamOf } from "@everfresh/core";
import {
  decodeOptimizerState,
  type Optimizer,
  optimizerOf,
  type OptimizerState,
  type StepResult,
  type TrainingBatch,
  type TrainingSession,
} from "@everfresh/engine";
import { type CompressGradient, compressorOf } from "./compress-gradient.ts";
import type { GradientsRow } from "./row-spec.ts";
import { OPTIMIZERS } from "./optimizers.ts";

/**
 * Training as in the code of Prapas et al.: of each tensor a part of gradient and memory goes to the
 * optimizer, the rest is the next memory.
 *
 *   g ← gradient + m,  g_s ← the chosen part of g,  m ← g − g_s,  θ ← optimizer(θ, g_s)
 *
 * With SGD it is Algorithm 1 of the paper. With Adam, whose moments move on where g_s is 0, nearly
 * every weight changes with every step.
 */
export class SparseGradients {
  readonly #source: TrainingSession;
  readonly #compress: CompressGradient;
  readonly #optimizer: Optimizer;
  readonly #state: OptimizerState;
  readonly #part: Float32Array;
  readonly #random: Random;
  readonly #clock: Clock;
  #step = 0;
  #indices: Uint32Array = new Uint32Array(0);
  #selectSeconds = 0;

  /**
   * Goes on from the state of `source`, whose own optimizer is not used.
   * @param optimizer what it remembers of the training before, as a checkpoint has it
   */
  constructor(
    source: TrainingSession,
    row: GradientsRow,
    options: { readonly optimizer: Uint8Array; readonly seed: number; readonly clock: Clock },
  ) {
    const { layout } = source.state;
    this.#source = source;
    this.#compress = compressorOf(row.compression, layout);
    this.#optimizer = optimizerOf(OPTIMIZERS[row.optimizer]);
    this.#state = this.#optimizer.init(layout.parameterCount);
    if (row.optimizer === "adam") {
      decodeOptimizerState(options.optimizer, this.#optimizer, this.#state, layout.parameterCount);
    }
    this.#part = new Float32Array(layout.parameterCount);
    this.#random = new Random(options.seed, streamOf("sparse gradients"));
    this.#clock = options.clock;
  }

  /** The entries of gradient and memory that the last step took, ascending. */
  get indices(): Uint32Array {
    return this.#indices;
  }

  /** Seconds that choosing them has taken so far. */
  get selectSeconds(): number {
    return this.#selectSeconds;
  }

  /** One step. */
  async step(batch: TrainingBatch): Promise<StepResult> {
    const startMs = this.#clock.monotonicMs();
    const { gradient, loss } = await this.#source.gradient(batch, this.#step++);
    const fromMs = this.#clock.monotonicMs();
    this.#part.fill(0);
    this.#indices = this.#compress(gradient, this.#part, this.#random);
    const untilMs = this.#clock.monotonicMs();
    this.#selectSeconds += (untilMs - fromMs) / 1_000;
    this.#optimizer.update(this.#state, this.#part, this.#source.state.parameters);
    return { loss, stepMs: this.#clock.monotonicMs() - startMs - (untilMs - fromMs) };
  }
}
