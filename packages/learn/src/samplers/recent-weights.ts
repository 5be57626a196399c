import { assert, type Random } from "@everfresh/core";
import { SumTree } from "./sum-tree.ts";

/**
 * Weights of the newest positions of a history, in a ring: a position that is `positionsMax` older
 * than the newest one makes room for it.
 */
export class RecentWeights {
  readonly #tree = new SumTree();
  readonly #positionsMax: number;
  #entered = 0;

  constructor(positionsMax: number) {
    assert(Number.isSafeInteger(positionsMax) && positionsMax > 0, `index of ${positionsMax}`);
    this.#positionsMax = positionsMax;
  }

  /** How many positions have entered, those included that have left again. */
  get entered(): number {
    return this.#entered;
  }

  /** The oldest position that is there; {@link entered} when there is none. */
  get oldest(): number {
    return Math.max(0, this.#entered - this.#positionsMax);
  }

  /** Lets the positions up to `limit` enter; `weightOf` is asked in their order. */
  enter(limit: number, weightOf: (position: number) => number): void {
    assert(limit >= this.#entered, `a draw below ${limit} after one below ${this.#entered}`);
    const from = Math.max(this.#entered, limit - this.#positionsMax);
    if (limit <= this.#positionsMax) this.#tree.setRange(from, limit, weightOf);
    else {
      for (let position = from; position < limit; position++) {
        this.#tree.set(position % this.#positionsMax, weightOf(position));
      }
    }
    this.#entered = limit;
  }

  /** Changes the weight of a position that is there. */
  set(position: number, weight: number): void {
    this.#tree.set(position % this.#positionsMax, weight);
  }

  /** Changes the weights of all positions that are there. */
  map(weightOf: (weight: number) => number): void {
    const slots = Math.min(this.#entered, this.#positionsMax);
    this.#tree.setRange(0, slots, (slot) => weightOf(this.#tree.weight(slot)));
  }

  /**
   * Distinct positions, one after another, each with probability proportional to its weight among
   * those not yet drawn: the law of `numpy.random.choice(p=..., replace=False)`. When all weights left
   * are 0, the newest. As many as `count`, at most all that are there. O(count · log n).
   */
  draw(count: number, random: Random): number[] {
    const tree = this.#tree;
    const positions: number[] = [];
    const weights: number[] = [];
    const wanted = Math.min(count, this.#entered, this.#positionsMax);
    while (positions.length < wanted && tree.total > 0) {
      const slot = tree.slotAt(random.float() * tree.total);
      positions.push(this.#positionOf(slot));
      weights.push(tree.weight(slot));
      tree.set(slot, 0);
    }
    positions.forEach((position, i) => {
      this.set(position, weights[i] ?? 0);
    });
    if (positions.length === wanted) return positions;
    const drawn = new Set(positions);
    for (let position = this.#entered - 1; drawn.size < wanted; position--) drawn.add(position);
    return [...drawn];
  }

  /** The newest position that has this slot. */
  #positionOf(slot: number): number {
    const size = this.#positionsMax;
    return slot + size * Math.floor((this.#entered - 1 - slot) / size);
  }
}
