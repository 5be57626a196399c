import type { TriggerDecision, TriggerEvent } from "./trigger.ts";
import type { TriggerRule } from "./trigger-rule.ts";
import type { ByPerformanceDropSpec } from "./trigger-spec.ts";

/**
 * Due when the mean score of the newest `windowSamples` predictions is `drop` below the best such mean,
 * or below `below`. The window has whole chunks: as few of the newest as have so many samples.
 */
export function byPerformanceDrop(spec: ByPerformanceDropSpec): TriggerRule {
  return new PerformanceDrop(spec);
}

class PerformanceDrop implements TriggerRule {
  readonly #spec: ByPerformanceDropSpec;
  /** Chunks of the window, oldest first: at most as many as it has samples. */
  #chunks: { readonly samples: number; readonly score: number }[] = [];
  #samples = 0;
  /** Mean over the window once it is full. */
  #mean: number | null = null;
  #best: number | null = null;

  constructor(spec: ByPerformanceDropSpec) {
    this.#spec = spec;
  }

  on(event: TriggerEvent): void {
    if (event.kind === "ended" && this.#spec.since === "training") {
      this.#chunks = [];
      this.#samples = 0;
      this.#mean = null;
      this.#best = null;
    }
    if (event.kind !== "tested" || event.samples === 0) return;
    const { windowSamples } = this.#spec;
    this.#chunks.push({ samples: event.samples, score: event.score });
    this.#samples += event.samples;
    let oldest = this.#chunks[0];
    while (oldest !== undefined && this.#samples - oldest.samples >= windowSamples) {
      this.#samples -= oldest.samples;
      this.#chunks.shift();
      oldest = this.#chunks[0];
    }
    if (this.#samples < windowSamples) return;
    // Summed anew: a running sum would gather rounding errors.
    const sum = this.#chunks.reduce((total, { samples, score }) => total + samples * score, 0);
    this.#mean = sum / this.#samples;
    this.#best = Math.max(this.#best ?? this.#mean, this.#mean);
  }

  decide(): TriggerDecision {
    const { windowSamples, drop, below } = this.#spec;
    if (this.#mean === null || this.#best === null) {
      return { isDue: false, why: `${this.#samples} of ${windowSamples} predictions are tested` };
    }
    const score = `the score is ${text(this.#mean)}`;
    if (below !== undefined && this.#mean < below) {
      return { isDue: true, why: `${score}, below ${text(below)}` };
    }
    const fall = this.#best - this.#mean;
    return {
      isDue: drop !== undefined && fall >= drop,
      why: `${score}, ${text(fall)} below the best of ${text(this.#best)}`,
    };
  }

  numbers(): readonly number[] {
    const chunks = this.#chunks.flatMap(({ samples, score }) => [samples, score]);
    const state =
      this.#mean === null || this.#best === null ? [0, 0, 0] : [1, this.#mean, this.#best];
    return [...state, ...chunks];
  }

  remember([isFull = 0, mean = 0, best = 0, ...chunks]: readonly number[]): void {
    this.#mean = isFull === 1 ? mean : null;
    this.#best = isFull === 1 ? best : null;
    this.#chunks = [];
    this.#samples = 0;
    for (let at = 0; at + 1 < chunks.length; at += 2) {
      const [samples = 0, score = 0] = chunks.slice(at, at + 2);
      this.#chunks.push({ samples, score });
      this.#samples += samples;
    }
  }
}

function text(score: number): string {
  return `${Number(score.toFixed(4))}`;
}
