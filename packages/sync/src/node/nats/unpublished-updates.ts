import type { PublishedUpdate } from "../../feed/recent-updates.ts";
import type { StateName } from "../../replica/runtime.ts";

/**
 * Updates that were made and are not in the stream yet, bounded in bytes. When there are too many
 * all are forgotten: the feed knows what leads on, in fewer bytes.
 */
export class UnpublishedUpdates {
  readonly #bytesMax: number;
  #updates: PublishedUpdate[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the newest one. */
  push(update: PublishedUpdate): void {
    this.#updates.push(update);
    this.#bytes += update.bytes.length;
    if (this.#bytes > this.#bytesMax) this.clear();
  }

  /** Forgets all. */
  clear(): void {
    this.#updates = [];
    this.#bytes = 0;
  }

  /** Those that lead on from a state, at most so many; they stay until they are behind `at`. */
  after(at: StateName, countMax: number): readonly PublishedUpdate[] {
    const behind = this.#updates.findIndex(({ span }) => span.toVersion > at.version);
    const done = this.#updates.splice(0, behind < 0 ? this.#updates.length : behind);
    for (const { bytes } of done) this.#bytes -= bytes.length;
    const span = this.#updates[0]?.span;
    const leadsOn = span?.fromVersion === at.version && span.fingerprintBefore === at.fingerprint;
    return leadsOn ? this.#updates.slice(0, countMax) : [];
  }
}
