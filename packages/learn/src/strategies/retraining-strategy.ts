import { type Clock, Random, type RandomPosition } from "@everfresh/core";
import type { PositionRange } from "../samplers/excluding.ts";
import { includedRanges, newestOf } from "./included-ranges.ts";
import { type RetrainingIteration, countOf } from "./iteration.ts";
import type { Strategy, StrategyCheckpoint, StrategyDecision, StrategyEvent } from "./strategy.ts";
import type { FullRetrainingSpec } from "./strategy-spec.ts";
import { TrainingGate } from "./training-gate.ts";

/** Random numbers that a retraining has to itself: for four million samples, 4,096 epochs. */
const DRAWN_PER_RETRAINING = 2 ** 34;

/** Trains on the whole history when its trigger says so; samples never wait. */
export class RetrainingStrategy implements Strategy {
  readonly spec: FullRetrainingSpec;
  readonly room: number = Infinity;
  readonly action: null = null;
  readonly #gate: TrainingGate;
  readonly #excluded: readonly PositionRange[];
  /** Where the random numbers of the first retraining begin. */
  #random: RandomPosition;
  #samples: number;
  #past: number;
  #iterations = 0;

  constructor(
    spec: FullRetrainingSpec,
    options: {
      readonly random: RandomPosition;
      readonly clock: Pick<Clock, "nowMs">;
      readonly past: number;
      readonly excluded: readonly PositionRange[];
    },
  ) {
    this.spec = spec;
    this.#gate = new TrainingGate(spec, options.clock);
    this.#excluded = options.excluded;
    this.#random = options.random;
    this.#samples = options.past;
    this.#past = options.past;
  }

  get samples(): number {
    return this.#samples;
  }

  get past(): number {
    return this.#past;
  }

  get iterations(): number {
    return this.#iterations;
  }

  get isRunning(): boolean {
    return this.#gate.isRunning;
  }

  on(event: StrategyEvent): void {
    if (event.kind === "arrived") this.#samples += event.samples;
    this.#gate.on(event);
  }

  decide(): StrategyDecision {
    const { isDue, why } = this.#gate.trigger ?? { isDue: false, why: "" };
    if (isDue && countOf(this.#ranges()) === 0) {
      return this.#gate.decide({ isDue: false, why: "there is nothing to train on" });
    }
    return { ...this.#gate.decide({ isDue, why }), isRetraining: true };
  }

  next(): Promise<RetrainingIteration | null> {
    const { isDue, why } = this.decide();
    if (!isDue) return Promise.resolve(null);
    const { start, epochs, batchSize } = this.spec;
    const past = this.#past;
    const fresh = this.#samples - past;
    const order = this.#orderOf(this.#iterations);
    this.#past = this.#samples;
    this.#iterations++;
    this.#gate.began(fresh);
    const samples = this.#ranges();
    const how = { start, epochs, batchSize, order };
    return Promise.resolve({ kind: "retraining", past, skipped: 0, fresh, why, samples, ...how });
  }

  counters(): null {
    return null;
  }

  checkpoint(): StrategyCheckpoint {
    return {
      kind: "fullRetraining",
      samples: this.#samples,
      past: this.#past,
      iterations: this.#iterations,
      random: this.#random,
      sampler: null,
      ...this.#gate.checkpoint(),
      intake: null,
    };
  }

  restore(checkpoint: StrategyCheckpoint): void {
    this.#gate.restore(checkpoint);
    this.#random = checkpoint.random;
    this.#samples = checkpoint.samples;
    this.#past = checkpoint.past;
    this.#iterations = checkpoint.iterations;
  }

  #ranges(): readonly PositionRange[] {
    const all = includedRanges(this.#samples, this.#excluded);
    return this.spec.window === undefined ? all : newestOf(all, this.spec.window);
  }

  #orderOf(retraining: number): RandomPosition {
    const { seed, stream, drawn } = this.#random;
    return new Random(seed, stream, drawn + retraining * DRAWN_PER_RETRAINING).position;
  }
}
