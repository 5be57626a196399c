import type { Clock } from "@everfresh/core";

import type { Timers } from "../timers.ts";

interface Task {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time: events happen one after another, in the order of their times. */
export class SimTime {
  #nowMs = 0;
  #order = 0;
  /** A binary heap, the next task first. */
  readonly #heap: Task[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs `run` after so many milliseconds. */
  after(delayMs: number, run: () => void): void {
    const heap = this.#heap;
    const task = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    let at = heap.push(task) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent] ?? task, task)) break;
      heap[at] = heap[parent] ?? task;
      at = parent;
    }
    heap[at] = task;
  }

  /** Runs the next task that is due until `untilMs`; false when there is none. */
  step(untilMs: number): boolean {
    const [next] = this.#heap;
    if (next === undefined || next.dueMs > untilMs) {
      this.#nowMs = Math.max(this.#nowMs, untilMs);
      return false;
    }
    this.#removeFirst();
    this.#nowMs = Math.max(this.#nowMs, next.dueMs);
    next.run();
    return true;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (child === undefined || isBefore(last, child)) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
  }
}

/** The clock and the timers of one process: they may be wrong, and end with it. */
export class ProcessTime implements Clock, Timers {
  isAlive = true;
  readonly #time: SimTime;
  readonly #skewMs: number;
  readonly #rate: number;

  /**
   * @param skewMs how far its wall clock is off
   * @param rate how fast its clocks go, 1 for right
   */
  constructor(time: SimTime, skewMs: number, rate: number) {
    this.#time = time;
    this.#skewMs = skewMs;
    this.#rate = rate;
  }

  nowMs(): number {
    return 1_000_000 + this.#skewMs + this.#time.nowMs * this.#rate;
  }

  monotonicMs(): number {
    return this.#time.nowMs * this.#rate;
  }

  after(delayMs: number, task: () => void): () => void {
    let isCancelled = false;
    // Rounded up, so that a deadline has come by its own clock too.
    this.#time.after(Math.ceil(delayMs / this.#rate), () => {
      if (this.isAlive && !isCancelled) task();
    });
    return () => {
      isCancelled = true;
    };
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
