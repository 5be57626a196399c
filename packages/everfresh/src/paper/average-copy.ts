import { cloneState, DeployedState, type ModelState } from "@everfresh/core";
import { defaultBuffersEvery } from "../config/deployment-options.ts";
import type { Follower } from "./follower.ts";
import type { AverageRow } from "./row-spec.ts";
import {
  type CopySource,
  hasStatistics,
  NO_CHANGE,
  recalibratedState,
  statisticsUnder,
} from "./weights-copy.ts";

/** Steps from one estimate of statistics to the next: as of updates of all weights. */
const ALL_MOVES_EVERY = defaultBuffersEvery(1);

/** The exponential moving average of the trained state; nobody sends it. */
export class AverageCopy implements Follower {
  readonly row: AverageRow;
  readonly state: ModelState;
  readonly updates: null = null;
  readonly encodeSeconds = 0;
  selectSeconds = 0;
  readonly #source: CopySource;
  #steps = 0;

  /** Begins as a copy of `state`. */
  constructor(row: AverageRow, state: ModelState, source: CopySource) {
    this.row = row;
    this.state = cloneState(state, { shared: true });
    this.#source = source;
  }

  recalibrated(samples: number): Promise<ModelState | null> {
    return recalibratedState(this.state, this.#source, samples);
  }

  async follow(trained: ModelState, samples: number): Promise<void> {
    const { clock } = this.#source;
    const startMs = clock.monotonicMs();
    // x̄ ← x̄ + (1 − decay)(θ − x̄)
    const [average, newest] = [this.state.parameters, trained.parameters];
    const share = 1 - this.row.decay;
    for (let i = 0; i < average.length; i++) {
      average[i] = (average[i] ?? 0) + share * ((newest[i] ?? 0) - (average[i] ?? 0));
    }
    const isDue = hasStatistics(this.state) && ++this.#steps % ALL_MOVES_EVERY === 0;
    if (isDue) await this.#estimate(samples);
    this.selectSeconds += (clock.monotonicMs() - startMs) / 1_000;
  }

  async #estimate(samples: number): Promise<void> {
    const deployed = new DeployedState(this.state, this.#steps - 1);
    const buffers = await statisticsUnder(deployed, NO_CHANGE, this.#source, samples);
    deployed.apply(deployed.updateFor({ ...NO_CHANGE, buffers }));
  }
}
