/** Runs things later. Passed in, so that tests and simulations decide when later is. */
export interface Timers {
  /**
   * Runs `task` once after `delayMs` milliseconds.
   * @returns cancels it; harmless afterwards
   */
  after(delayMs: number, task: () => void): () => void;
}

/** The runtime's own timers. A pending one keeps a Node process alive: something is expected. */
export const systemTimers: Timers = {
  after(delayMs, task) {
    const handle = setTimeout(task, delayMs);
    return () => clearTimeout(handle);
  },
};
