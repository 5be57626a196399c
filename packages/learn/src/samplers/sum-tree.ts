import { assert } from "@everfresh/core";

/**
 * Weights of slots, and draws with probability proportional to them: a binary tree in which every
 * node holds the sum of its two children, so a change and a draw take O(log n).
 *
 * A node is always computed from its children, never by adding a difference to it: so rounding does
 * not add up, and two trees with the same weights are equal to the last bit, whatever happened to
 * them before. This is what lets a resumed run draw the same. 16 bytes per slot.
 */
export class SumTree {
  /** Node 1 is the root, the children of n are 2n and 2n + 1, slot s is node #width + s. */
  #nodes = new Float64Array(2);
  /** A power of two. */
  #width = 1;

  /** The sum of all weights. */
  get total(): number {
    return this.#nodes[1] ?? 0;
  }

  /** The weight of a slot; 0 when it was never set. */
  weight(slot: number): number {
    return slot < this.#width ? (this.#nodes[this.#width + slot] ?? 0) : 0;
  }

  /** Changes the weight of a slot to a finite number of 0 or more. */
  set(slot: number, weight: number): void {
    this.#reserve(slot + 1);
    let node = this.#width + slot;
    this.#nodes[node] = weight;
    for (node >>= 1; node >= 1; node >>= 1) this.#nodes[node] = this.#sumOf(node);
  }

  /** Changes the weights of the slots from `from` up to but without `to` at once. */
  setRange(from: number, to: number, weightOf: (slot: number) => number): void {
    if (to <= from) return;
    this.#reserve(to);
    const nodes = this.#nodes;
    for (let slot = from; slot < to; slot++) nodes[this.#width + slot] = weightOf(slot);
    let [first, last] = [(this.#width + from) >> 1, (this.#width + to - 1) >> 1];
    for (; first >= 1; first >>= 1, last >>= 1) {
      for (let node = first; node <= last; node++) nodes[node] = this.#sumOf(node);
    }
  }

  /**
   * The slot at a point of the line on which the weights lie one after another: with `target` uniform
   * in [0, total) each slot comes with probability weight / total. Never a slot of weight 0.
   */
  slotAt(target: number): number {
    assert(this.total > 0, "a draw from weights that are all 0");
    const nodes = this.#nodes;
    let rest = target;
    let node = 1;
    while (node < this.#width) {
      const left = nodes[2 * node] ?? 0;
      const right = nodes[2 * node + 1] ?? 0;
      // Rounding can leave a rest that is not below a sum that it was below: then the side that has
      // weight at all decides.
      const goesLeft = right === 0 || (left > 0 && rest < left);
      if (!goesLeft) rest -= left;
      node = 2 * node + (goesLeft ? 0 : 1);
    }
    return node - this.#width;
  }

  #sumOf(node: number): number {
    return (this.#nodes[2 * node] ?? 0) + (this.#nodes[2 * node + 1] ?? 0);
  }

  #reserve(slots: number): void {
    if (slots <= this.#width) return;
    const weights = this.#nodes.subarray(this.#width);
    let width = this.#width;
    while (width < slots) width *= 2;
    const nodes = new Float64Array(2 * width);
    nodes.set(weights, width);
    this.#nodes = nodes;
    this.#width = width;
    for (let node = width - 1; node >= 1; node--) nodes[node] = this.#sumOf(node);
  }
}
