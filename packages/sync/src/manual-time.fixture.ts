import type { Clock } from "@everfresh/core";

import type { Timers } from "./timers.ts";

interface Task {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Clock and timers that only move when told to; timers run in the order in which they are due. */
export class ManualTime implements Clock, Timers {
  #nowMs = 1_000;
  #order = 0;
  readonly #tasks = new Set<Task>();

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Timers that have not run. */
  get pending(): number {
    return this.#tasks.size;
  }

  after(delayMs: number, run: () => void): () => void {
    const task = { dueMs: this.#nowMs + delayMs, order: this.#order++, run };
    this.#tasks.add(task);
    return () => void this.#tasks.delete(task);
  }

  /** Lets `durationMs` pass, and everything that follows from each timer happen. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await settled();
    for (;;) {
      const due = [...this.#tasks].filter((task) => task.dueMs <= endMs);
      due.sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
      const [next] = due;
      if (next === undefined) break;
      this.#tasks.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
      await settled();
    }
    this.#nowMs = endMs;
    await settled();
  }
}

/** Resolves once everything that waits for nothing but its turn has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
