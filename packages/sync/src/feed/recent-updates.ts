import type { Update } from "@everfresh/core";

import type { StateName } from "../replica/runtime.ts";

/** An update as it was published. */
export interface PublishedUpdate {
  /** Between which states it is. */
  readonly span: Pick<
    Update,
    "fromVersion" | "toVersion" | "fingerprintBefore" | "fingerprintAfter"
  >;
  readonly bytes: Uint8Array;
}

/** The newest updates of a feed, one from where the one before it ends; bounded in bytes. */
export class RecentUpdates {
  readonly #bytesMax: number;
  #updates: PublishedUpdate[] = [];
  /** Those before it were dropped; removed from the list now and then. */
  #first = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes of the updates that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** From which version on all updates are here; null while there is none. */
  get oldest(): number | null {
    return this.#updates[this.#first]?.span.fromVersion ?? null;
  }

  /** Adds the next one, and drops the oldest beyond the bound. */
  push(update: PublishedUpdate): void {
    this.#updates.push(update);
    this.#bytes += update.bytes.length;
    while (this.#bytes > this.#bytesMax) {
      this.#bytes -= this.#updates[this.#first]?.bytes.length ?? 0;
      this.#first++;
    }
    if (this.#first * 2 > this.#updates.length) {
      this.#updates = this.#updates.slice(this.#first);
      this.#first = 0;
    }
  }

  /** All updates from that state to the newest one; null when they are not all here. */
  since({ version, fingerprint }: StateName): readonly PublishedUpdate[] | null {
    let low = this.#first;
    let high = this.#updates.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#updates[middle]?.span.fromVersion ?? 0) < version) low = middle + 1;
      else high = middle;
    }
    const span = this.#updates[low]?.span;
    if (span?.fromVersion !== version || span.fingerprintBefore !== fingerprint) return null;
    return this.#updates.slice(low);
  }
}
