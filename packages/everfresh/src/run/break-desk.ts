import type { EverfreshError } from "@everfresh/core";

/** Errands that may wait: each takes a while, and few people need many at a time. */
const WAITING_MAX = 64;

/** Makes the error for who is turned away. */
export type Refuse = (reason: string) => EverfreshError;

interface Waiting {
  readonly serve: () => Promise<void>;
  readonly refuse: (reason: string) => void;
}

/**
 * Takes in what others ask for while training goes on, interrupts training between two steps, and does
 * it then, when nothing else changes states or stores.
 */
export class BreakDesk {
  readonly #waiting: Waiting[] = [];
  #pause: AbortController = new AbortController();
  /** Whether training goes on no more, and so nobody would come to serve. */
  #isIdle = false;
  #isClosed = false;
  #serving: Promise<unknown> = Promise.resolve();

  /** Whether somebody waits. */
  get isAsked(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when the errand is done; what it throws goes to who asked. */
  ask<Report>(errand: () => Promise<Report>, refuse: Refuse): Promise<Report> {
    if (this.#isClosed) return Promise.reject(refuse("the run ends"));
    if (this.#isIdle) return this.#inTurn(errand);
    if (this.#waiting.length >= WAITING_MAX) {
      return Promise.reject(refuse(`${WAITING_MAX} others wait already`));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        serve: () => errand().then(resolve, reject),
        refuse: (reason) => reject(refuse(reason)),
      });
      this.#pause.abort();
    });
  }

  /** Aborts with `signal`, or when somebody asks. */
  interrupted(signal: AbortSignal): AbortSignal {
    this.#pause = new AbortController();
    if (this.isAsked) this.#pause.abort();
    return AbortSignal.any([signal, this.#pause.signal]);
  }

  /** Does what was asked for so far. */
  async serve(): Promise<void> {
    for (const { serve } of this.#waiting.splice(0)) await serve();
  }

  /** From now on, training being over, what is asked for is done at once. */
  async serveAlways(): Promise<void> {
    this.#isIdle = true;
    await this.#inTurn(() => this.serve());
  }

  /** Turns those away who wait, and all who come. */
  close(): void {
    this.#isClosed = true;
    for (const { refuse } of this.#waiting.splice(0)) refuse("the run ends");
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#serving.then(task);
    this.#serving = turn.catch(() => undefined);
    return turn;
  }
}
