import {
  accumulateSlice,
  accumulateWords,
  type Fingerprint,
  type FingerprintLanes,
  formatFingerprint,
  layoutLanes,
  wordCountOf,
} from "./fingerprint.ts";
import type { ModelState, StateTensor } from "./state.ts";

/**
 * The fingerprint of a state, summed up slice by slice while updates change it:
 *
 *   words already summed ──────────┤ the next slice ├────────── words still to come
 *   a change here: terms replaced    read as they are then
 *
 * So a large state can be checked without ever stopping for it.
 */
export class FingerprintScrub {
  readonly #state: ModelState;
  readonly #lanes: FingerprintLanes;
  #tensor = 0;
  #word = 0;

  /** @param state its memory; every change of it must be told before it is made */
  constructor(state: ModelState) {
    this.#state = state;
    this.#lanes = layoutLanes(state.layout);
  }

  /** The fingerprint, once every word was summed; null before. */
  get fingerprint(): Fingerprint | null {
    return this.#current() === null ? formatFingerprint(this.#lanes) : null;
  }

  /** Sums the next `words` words, or those that are left. */
  step(words: number): void {
    let left = words;
    while (left > 0) {
      const entry = this.#current();
      if (entry === null) return;
      const count = wordCountOf(entry);
      const to = Math.min(count, this.#word + left);
      accumulateSlice(this.#lanes, this.#state, entry, { from: this.#word, to }, 1);
      left -= to - this.#word;
      this.#word = to;
    }
  }

  /** Parameters at `indices` are about to become `words`. */
  parametersChange(indices: Uint32Array, words: Uint32Array): void {
    const { layout, buffer } = this.#state;
    const summed = Math.min(this.#position(), layout.parameterCount);
    let count = 0;
    while (count < indices.length && (indices[count] ?? 0) < summed) count++;
    if (count === 0) return;
    const bits = new Uint32Array(buffer, 0, layout.parameterCount);
    const changed = indices.subarray(0, count);
    const old = Uint32Array.from(changed, (index) => bits[index] ?? 0);
    accumulateWords(this.#lanes, changed, old, -1);
    accumulateWords(this.#lanes, changed, words, 1);
  }

  /** Calls `write`, which changes all of buffer `entry`. */
  bufferChange(entry: StateTensor, write: () => void): void {
    const to = Math.min(wordCountOf(entry), Math.max(0, this.#position() - entry.wordOffset));
    accumulateSlice(this.#lanes, this.#state, entry, { from: 0, to }, -1);
    write();
    accumulateSlice(this.#lanes, this.#state, entry, { from: 0, to }, 1);
  }

  /** The tensor that the next word is in, passing those that are done; null at the end. */
  #current(): StateTensor | null {
    for (;;) {
      const entry = this.#state.layout.tensors[this.#tensor];
      if (entry === undefined) return null;
      if (this.#word < wordCountOf(entry)) return entry;
      this.#tensor++;
      this.#word = 0;
    }
  }

  /** Words before this one are summed. */
  #position(): number {
    const entry = this.#current();
    return entry === null ? Infinity : entry.wordOffset + this.#word;
  }
}
