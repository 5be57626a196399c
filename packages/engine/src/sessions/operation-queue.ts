import { SessionBusyError } from "../errors.ts";

/** Exclusive operations run alone; shared ones run beside each other. */
export type OperationMode = "exclusive" | "shared";

// A caller that has this many calls open does not wait for answers at all: that is a mistake.
const WAITING_MAX = 1_024;

interface Waiting {
  readonly mode: OperationMode;
  readonly start: () => void;
}

/** Runs operations in the order of their calls, and shared ones together. */
export class OperationQueue {
  readonly #waiting: Waiting[] = [];
  #shared = 0;
  #exclusive = false;

  /** Whether an operation of this mode would have to wait now. */
  wouldWait(mode: OperationMode): boolean {
    if (this.#waiting.length > 0 || this.#exclusive) return true;
    return mode === "exclusive" && this.#shared > 0;
  }

  /** Whether an exclusive operation is running. */
  get exclusiveRunning(): boolean {
    return this.#exclusive;
  }

  /**
   * Runs `operation` in its turn; at once, before this returns, when nothing is in its way.
   * Rejects as the operation does, or with SessionBusyError when too many wait.
   */
  run<T>(mode: OperationMode, operation: () => Promise<T>): Promise<T> {
    if (!this.wouldWait(mode)) return this.#start(mode, operation);
    if (this.#waiting.length >= WAITING_MAX) {
      return Promise.reject(new SessionBusyError(WAITING_MAX));
    }
    return new Promise<T>((resolve, reject) => {
      const start = (): void => void this.#start(mode, operation).then(resolve, reject);
      this.#waiting.push({ mode, start });
    });
  }

  async #start<T>(mode: OperationMode, operation: () => Promise<T>): Promise<T> {
    if (mode === "exclusive") this.#exclusive = true;
    else this.#shared++;
    try {
      return await operation();
    } finally {
      if (mode === "exclusive") this.#exclusive = false;
      else this.#shared--;
      this.#startNext();
    }
  }

  #startNext(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#exclusive || (next.mode === "exclusive" && this.#shared > 0)) return;
      this.#waiting.shift();
      next.start();
    }
  }
}
