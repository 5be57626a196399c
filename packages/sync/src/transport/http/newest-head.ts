import type { Clock } from "@everfresh/core";

import type { HttpHead } from "./http-head.ts";

/** How long caches may be behind: after that an older head is the truth. */
const STALE_MS_MAX = 30_000;

/** Tells a head that a cache is behind with from that of a log that really went back. */
export class NewestHead {
  readonly #clock: Clock;
  #head: HttpHead | null = null;
  #atMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether `head` is to be believed; over all connections. */
  believes(head: HttpHead): boolean {
    const nowMs = this.#clock.monotonicMs();
    const isOlder = head.logId === this.#head?.logId && head.version < this.#head.version;
    if (isOlder && nowMs - this.#atMs < STALE_MS_MAX) return false;
    this.#head = head;
    this.#atMs = nowMs;
    return true;
  }
}
