import { FingerprintMismatchError } from "@everfresh/core";

import type { Timers } from "../timers.ts";
import type { ServedSession } from "./served-session.ts";

/** Options of {@link StateScrub}. */
export interface StateScrubOptions {
  readonly timers: Timers;
  /** From the end of one check to the begin of the next. */
  readonly intervalMs: number;
  readonly session: () => ServedSession | null;
  /** The session that is served holds a state that is not what it was, or does not answer. */
  readonly onCorrupt: (error: unknown) => void;
}

/** Checks the whole served state every now and then, while it goes on to serve. */
export class StateScrub {
  readonly #options: StateScrubOptions;
  #cancel: (() => void) | null = null;
  #isStopped = false;
  #passed = 0;
  /** The session whose state was found corrupt, while it still serves. */
  #condemned: ServedSession | null = null;
  #corruptions = 0;

  constructor(options: StateScrubOptions) {
    this.#options = options;
  }

  /** Checks that found the state sound. */
  get passed(): number {
    return this.#passed;
  }

  /** Checks that found it to be other bits than it was. */
  get corruptions(): number {
    return this.#corruptions;
  }

  /** Begins, after one interval. */
  start(): void {
    const { timers, intervalMs } = this.#options;
    if (this.#isStopped) return;
    this.#cancel = timers.after(intervalMs, () => void this.#check());
  }

  /** Ends; a check that is under way says nothing any more. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  async #check(): Promise<void> {
    const { session, onCorrupt } = this.#options;
    const checked = session();
    // Once is enough: it is replaced as soon as there is a state to replace it with.
    if (checked === this.#condemned) {
      this.start();
      return;
    }
    this.#condemned = null;
    try {
      await checked?.scrub();
      if (checked?.canScrub === true) this.#passed++;
    } catch (error) {
      // Another one may serve by now; then this one was given up.
      if (!this.#isStopped && session() === checked) {
        this.#condemned = checked;
        if (error instanceof FingerprintMismatchError) this.#corruptions++;
        onCorrupt(error);
      }
    }
    this.start();
  }
}
