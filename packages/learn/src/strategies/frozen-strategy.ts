import type { RandomPosition } from "@everfresh/core";
import type { Strategy, StrategyCheckpoint, StrategyDecision, StrategyEvent } from "./strategy.ts";
import type { FrozenSpec } from "./strategy-spec.ts";

const NEVER: StrategyDecision = { isDue: false, waitMs: null, why: "it never trains" };

/** Never has an iteration due; only counts. */
export class FrozenStrategy implements Strategy {
  readonly spec: FrozenSpec;
  readonly iterations = 0;
  readonly room: number = Infinity;
  readonly action: null = null;
  readonly isRunning = false;
  #random: RandomPosition;
  #samples: number;
  #past: number;

  constructor(spec: FrozenSpec, past: number, random: RandomPosition) {
    this.spec = spec;
    this.#past = past;
    this.#samples = past;
    this.#random = random;
  }

  get samples(): number {
    return this.#samples;
  }

  get past(): number {
    return this.#past;
  }

  on(event: StrategyEvent): void {
    if (event.kind === "arrived") this.#samples += event.samples;
  }

  decide(): StrategyDecision {
    return NEVER;
  }

  next(): Promise<null> {
    return Promise.resolve(null);
  }

  counters(): null {
    return null;
  }

  checkpoint(): StrategyCheckpoint {
    return {
      kind: "frozen",
      samples: this.#samples,
      past: this.#past,
      iterations: 0,
      isRunning: false,
      random: this.#random,
      sampler: null,
      trigger: null,
      budget: { nowMs: null, parts: [] },
      intake: null,
    };
  }

  restore({ samples, past, random }: StrategyCheckpoint): void {
    this.#samples = samples;
    this.#past = past;
    this.#random = random;
  }
}
