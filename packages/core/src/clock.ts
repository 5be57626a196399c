/** Where time comes from. Passed in, so that tests and simulations decide what time it is. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump when the system clock is set. */
  nowMs(): number;
  /** Milliseconds since an arbitrary start, with fractions; never goes backwards. */
  monotonicMs(): number;
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** A clock that only moves when told to. */
export class ManualClock implements Clock {
  #timeMs: number;

  constructor(startMs = 0) {
    this.#timeMs = startMs;
  }

  nowMs(): number {
    return this.#timeMs;
  }

  monotonicMs(): number {
    return this.#timeMs;
  }

  /** Moves both readings forward by `durationMs` (≥ 0). */
  advance(durationMs: number): void {
    this.#timeMs += durationMs;
  }
}
