import { assert, type Sample } from "@everfresh/core";

/** A sample that has arrived, and what the baselines answered then. */
export interface Arrival {
  readonly sample: Sample;
  readonly noChange: number | null;
  readonly majority: number | null;
}

/** Arrivals that nobody needs are dropped so many at once. */
const DROPPED_TOGETHER = 256;

/** Arrivals by their number, from the first one that someone still needs. */
export class ArrivalQueue {
  #items: Arrival[] = [];
  /** Number of the first item. */
  #from: number;

  /** @param from number of the first arrival */
  constructor(from = 0) {
    this.#from = from;
  }

  /** Arrivals so far, those included that were dropped. */
  get count(): number {
    return this.#from + this.#items.length;
  }

  /** Adds the next one. */
  push(arrival: Arrival): void {
    this.#items.push(arrival);
  }

  /** The arrivals from number `from` up to but without `to`, all of which are still there. */
  range(from: number, to: number): readonly Arrival[] {
    const isThere = from >= this.#from && to <= this.count;
    assert(isThere, `arrivals ${from} to ${to} of ${this.#from} to ${this.count}`);
    return this.#items.slice(from - this.#from, to - this.#from);
  }

  /** Forgets those below a number. */
  dropBelow(number: number): void {
    // Not each time: that would move all that are left again and again.
    if (number - this.#from < DROPPED_TOGETHER) return;
    this.#items.splice(0, number - this.#from);
    this.#from = number;
  }
}
