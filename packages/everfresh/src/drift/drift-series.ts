import type { DriftStatus } from "@everfresh/core";
import type { DriftPoint } from "@everfresh/sync";
import { ThinnedSeries } from "../run/thinned-series.ts";

/** As many as a chart of half the width has pixels to show. */
const POINTS_MAX = 300;
/** A point in so many samples is enough for those who watch, and costs training nothing to speak of. */
const SAMPLES_PER_POINT = 50;

/** Drift monitoring over time, for the live page; since the process began. */
export class DriftSeries {
  readonly #series = new ThinnedSeries<DriftPoint>(POINTS_MAX);
  #nextAt = 0;

  /** Whether the next point is due. */
  isDue(samples: number): boolean {
    return samples >= this.#nextAt;
  }

  /** Takes in how things are. */
  add(status: DriftStatus, version: number): void {
    const { samples, verdict, likelihood, signals, evidence: together } = status;
    this.#nextAt = samples + SAMPLES_PER_POINT;
    const evidence = signals.map((signal) => signal.evidence);
    this.#series.add({ samples, version, verdict, likelihood, together, evidence });
  }

  /** The points, oldest first. */
  points(): readonly DriftPoint[] {
    return this.#series.points();
  }
}
