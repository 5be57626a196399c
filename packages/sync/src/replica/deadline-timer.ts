import type { Clock } from "@everfresh/core";

import type { Timers } from "../timers.ts";

/** Wakes its owner at a deadline that moves, perhaps too early, never too late. */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #wake: () => void;
  #armed: { readonly dueMs: number; readonly cancel: () => void } | null = null;

  constructor(clock: Clock, timers: Timers, wake: () => void) {
    this.#clock = clock;
    this.#timers = timers;
    this.#wake = wake;
  }

  /** Wakes at `deadlineMs` of the monotonic clock; not at all for null. */
  at(deadlineMs: number | null): void {
    // One that moved away needs no new timer: the old one wakes up early and its owner looks again.
    if (deadlineMs !== null && this.#armed !== null && this.#armed.dueMs <= deadlineMs) return;
    this.#armed?.cancel();
    this.#armed = null;
    if (deadlineMs === null) return;
    const delayMs = Math.max(0, Math.ceil(deadlineMs - this.#clock.monotonicMs()));
    const cancel = this.#timers.after(delayMs, () => {
      this.#armed = null;
      this.#wake();
    });
    this.#armed = { dueMs: deadlineMs, cancel };
  }
}
