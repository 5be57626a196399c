import type { Random } from "@everfresh/core";

import type { MemoryFaults } from "./memory-transport.ts";

/** Chances of each fault per frame. */
interface FaultRates {
  readonly drop: number;
  readonly corrupt: number;
  readonly duplicate: number;
  /** Held back, and delivered after a later frame. */
  readonly reorder: number;
}

/** Seeded faults in both directions, until they are switched off. */
export class RandomFaults implements MemoryFaults {
  active = true;
  /** How many faults there were of each kind. */
  readonly counts: { -readonly [K in keyof FaultRates]: number } = {
    drop: 0,
    corrupt: 0,
    duplicate: 0,
    reorder: 0,
  };
  readonly #random: Random;
  readonly #rates: FaultRates;
  #held: Uint8Array[] = [];

  constructor(random: Random, rates: FaultRates) {
    this.#random = random;
    this.#rates = rates;
  }

  toReplica(frame: Uint8Array): readonly Uint8Array[] {
    if (!this.active) return [frame];
    const released = this.#held;
    this.#held = [];
    if (this.#happens("drop")) return released;
    if (this.#happens("reorder")) {
      this.#held.push(frame);
      return released;
    }
    const sent = this.#happens("corrupt") ? this.#corrupted(frame) : frame;
    return this.#happens("duplicate") ? [sent, ...released, sent] : [sent, ...released];
  }

  toFeed(frame: Uint8Array): readonly Uint8Array[] {
    if (!this.active) return [frame];
    if (this.#happens("drop")) return [];
    return [this.#happens("corrupt") ? this.#corrupted(frame) : frame];
  }

  #happens(fault: keyof FaultRates): boolean {
    const happens = this.#random.float() < this.#rates[fault];
    if (happens) this.counts[fault]++;
    return happens;
  }

  #corrupted(frame: Uint8Array): Uint8Array {
    const copy = frame.slice();
    const at = this.#random.below(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 + this.#random.below(255));
    return copy;
  }
}
