/** What a strategy has cost, as plain data; the seconds of work, not those of waiting. */
export interface Costs {
  /** Reading samples of the history and turning them into the model's input. */
  readonly preprocessSeconds: number;
  /** Optimizer steps. */
  readonly trainSeconds: number;
  /** Predictions that are scored, and scoring them. */
  readonly evaluateSeconds: number;
  /** Choosing what an update carries. */
  readonly selectSeconds: number;
  /** Encoding updates, and taking them over into the deployed state. */
  readonly encodeSeconds: number;
  /** Optimizer steps taken. */
  readonly steps: number;
  /** Samples trained on, each as often as it was. */
  readonly samples: number;
  /** Iterations performed. */
  readonly iterations: number;
  /** The longest one: preprocessing and training. */
  readonly iterationSecondsMax: number;
}

/** No costs. */
const NONE: Costs = {
  preprocessSeconds: 0,
  trainSeconds: 0,
  evaluateSeconds: 0,
  selectSeconds: 0,
  encodeSeconds: 0,
  steps: 0,
  samples: 0,
  iterations: 0,
  iterationSecondsMax: 0,
};

/** Adds up costs. */
export class CostAccount {
  #costs: Costs;

  /** @param costs to go on from */
  constructor(costs: Costs = NONE) {
    this.#costs = costs;
  }

  /** The sums so far, and the longest iteration. */
  get costs(): Costs {
    return this.#costs;
  }

  /** Adds costs; of the longest iterations the longer one counts. */
  add(part: Partial<Costs>): void {
    const before = this.#costs;
    const more = { ...NONE, ...part };
    this.#costs = {
      preprocessSeconds: before.preprocessSeconds + more.preprocessSeconds,
      trainSeconds: before.trainSeconds + more.trainSeconds,
      evaluateSeconds: before.evaluateSeconds + more.evaluateSeconds,
      selectSeconds: before.selectSeconds + more.selectSeconds,
      encodeSeconds: before.encodeSeconds + more.encodeSeconds,
      steps: before.steps + more.steps,
      samples: before.samples + more.samples,
      iterations: before.iterations + more.iterations,
      iterationSecondsMax: Math.max(before.iterationSecondsMax, more.iterationSecondsMax),
    };
  }
}

/** All seconds of work together. */
export function totalSeconds(costs: Costs): number {
  const { preprocessSeconds, trainSeconds, evaluateSeconds, selectSeconds, encodeSeconds } = costs;
  return preprocessSeconds + trainSeconds + evaluateSeconds + selectSeconds + encodeSeconds;
}
