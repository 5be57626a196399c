import { assert } from "@everfresh/core";

/** Positions of the samples of one class, ascending. */
export class ClassPositions {
  #positions = new Uint32Array(64);
  #length = 0;

  /** Adds a position that is above all others. */
  push(position: number): void {
    assert(position < 2 ** 32, `position ${position} in an index`);
    if (this.#length === this.#positions.length) {
      const longer = new Uint32Array(2 * this.#length);
      longer.set(this.#positions);
      this.#positions = longer;
    }
    this.#positions[this.#length++] = position;
  }

  /** Drops the positions below `from` once they are more than half of all; O(1) in the long run. */
  dropBelow(from: number): void {
    const gone = this.ranksBelow(from);
    if (2 * gone <= this.#length) return;
    this.#positions.copyWithin(0, gone, this.#length);
    this.#length -= gone;
  }

  /** How many positions are below `limit`. O(log n). */
  ranksBelow(limit: number): number {
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#positions[middle] ?? 0) < limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The position of this rank, from 0. */
  at(rank: number): number {
    assert(rank < this.#length, `rank ${rank} of ${this.#length}`);
    return this.#positions[rank] ?? 0;
  }
}
