import { assert, type Random, type RandomPosition } from "@everfresh/core";
import { SamplerCheckpointError } from "../errors.ts";
import { numbersBelow } from "./renumbering.ts";
import type { Renumbering, Sampler } from "./sampler.ts";
import { StateReader, StateWriter } from "./state-bytes.ts";
import { drawUniform } from "./uniform.ts";

const KIND = "reservoir/1";

/** A sampler that needs only a part of the history. */
export interface ReservoirSampler extends Sampler {
  /** The positions below `limit` that can still be drawn, ascending: all others may be deleted. */
  kept(limit: number): readonly number[];
}

/**
 * Uniform over a reservoir of `capacity` positions, itself a uniform subset of all n that there were:
 * a history that takes bounded room. O(k) per draw; O(capacity · log(n / capacity)) random numbers for
 * the reservoir, in all.
 *
 * Bias: a single draw has the law of the uniform sampler (a uniform subset of a uniform subset): each
 * position is in it with probability k / n. But draws are not independent: between two changes of the
 * reservoir all come from the same positions, each of which is trained on n / capacity times as often
 * as under the uniform sampler, and what has left never comes back. A class with a share of s is
 * represented by about s · capacity samples, give or take √(s · (1 − s) · capacity). There is no
 * preference for what is new: only capacity / n of the newest samples ever enter.
 *
 * Algorithm L (Li: "Reservoir-sampling algorithms of time complexity O(n(1 + log(N/n)))", ACM TOMS
 * 20(4), 1994), which has the law of Vitter's algorithm R and skips what it would not take.
 * @param capacity 1 or more
 */
export function reservoirSampler(random: Random, capacity: number): ReservoirSampler {
  return new Reservoir(random, capacity);
}

class Reservoir implements ReservoirSampler {
  readonly #random: Random;
  readonly #capacity: number;
  #positions: number[] = [];
  /** Positions that have passed by. */
  #seen = 0;
  /**
   * The reservoir holds those of the positions so far whose key, a number uniform in (0, 1), is not
   * above this; the keys themselves are never drawn.
   */
  #threshold = 1;
  /** The next position to take; may be infinite. */
  #next = 0;

  constructor(random: Random, capacity: number) {
    this.#random = random;
    this.#capacity = capacity;
  }

  get position(): RandomPosition {
    return this.#random.position;
  }

  draw(count: number, limit: number): readonly number[] {
    this.#pass(limit);
    const slots = drawUniform(this.#random, count, this.#positions.length);
    return slots.map((slot) => this.#positions[slot] ?? 0);
  }

  kept(limit: number): readonly number[] {
    this.#pass(limit);
    return this.#positions.toSorted((a, b) => a - b);
  }

  checkpoint(): Uint8Array {
    const writer = new StateWriter(KIND);
    for (const value of [this.#capacity, this.#seen, this.#positions.length]) writer.whole(value);
    for (const position of this.#positions) writer.whole(position);
    writer.float(this.#threshold);
    writer.float(this.#next - this.#seen);
    return writer.bytes();
  }

  restore(checkpoint: Uint8Array, renumbering: Renumbering = (position) => position): void {
    const reader = new StateReader(checkpoint, KIND);
    const capacity = reader.whole();
    const seen = reader.whole();
    const length = reader.whole(Math.min(capacity, seen));
    const positions = Array.from({ length }, () => reader.whole(seen));
    const [threshold, wait] = [reader.float(), reader.float()];
    reader.end();
    if (capacity !== this.#capacity) {
      const reason = `it has a capacity of ${capacity}, the sampler of ${this.#capacity}`;
      throw new SamplerCheckpointError(KIND, reason);
    }
    this.#positions = this.#remaining(positions, renumbering);
    this.#seen = numbersBelow(seen, renumbering);
    this.#threshold = threshold;
    this.#next = this.#seen + wait;
  }

  /**
   * Positions that are gone leave a uniform part of those that are still there. The free places are
   * then filled by what comes below the same threshold, not by whatever comes next. In a full
   * reservoir one key, of any position, is the threshold itself: that one goes too, so that the keys
   * of the others are uniform below it.
   */
  #remaining(positions: readonly number[], renumbering: Renumbering): number[] {
    const renumbered = positions.map(renumbering);
    const isLess = renumbered.includes(null);
    if (isLess && positions.length === this.#capacity) {
      renumbered[this.#random.below(this.#capacity)] = null;
    }
    return renumbered.filter((position) => position !== null);
  }

  /** Lets the positions up to `limit` pass by. */
  #pass(limit: number): void {
    assert(limit >= this.#seen, `a draw below ${limit} after one below ${this.#seen}`);
    while (this.#next < limit) this.#take(this.#next);
    this.#seen = limit;
  }

  /**
   * Puts a position into the reservoir, in place of any one when it is full. The keys of a full one
   * are uniform below the threshold, so their largest, which the next one has to be below, is
   *   threshold · u^(1/capacity),
   * and the next key below the threshold comes after ⌊ln u / ln(1 − threshold)⌋ others, with u uniform
   * in (0, 1].
   */
  #take(position: number): void {
    if (this.#positions.length < this.#capacity) this.#positions.push(position);
    else this.#positions[this.#random.below(this.#capacity)] = position;
    if (this.#positions.length === this.#capacity) {
      this.#threshold *= Math.exp(Math.log(1 - this.#random.float()) / this.#capacity);
    }
    const isAnyTaken = this.#threshold === 1;
    const passed = isAnyTaken
      ? 0
      : Math.floor(Math.log(1 - this.#random.float()) / Math.log1p(-this.#threshold));
    this.#next = position + passed + 1;
  }
}
