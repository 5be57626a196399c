/** Places of a fresh table; a power of two. */
const SLOTS_AT_FIRST = 1 << 12;

/**
 * Ids that were there before, by 64 bits of each: 16 to 32 bytes of memory for an id, however long it
 * is. That a new one counts as known has a chance of n² / 2⁶⁵, for 10 million of them 3 in a million.
 */
export class KnownIds {
  #slots = new Uint32Array(2 * SLOTS_AT_FIRST);
  #count = 0;

  /** Whether it was added. */
  has(id: string): boolean {
    const [low, high] = hashOf(id);
    const at = this.#placeOf(low, high);
    return this.#slots[at] !== 0 || this.#slots[at + 1] !== 0;
  }

  /** Adds one; one that is there may come again. */
  add(id: string): void {
    if (this.has(id)) return;
    if (++this.#count * 4 > this.#slots.length) this.#grow();
    this.#put(...hashOf(id));
  }

  #put(low: number, high: number): void {
    const at = this.#placeOf(low, high);
    this.#slots[at] = low;
    this.#slots[at + 1] = high;
  }

  /** Where it is, or the free place that it would get. */
  #placeOf(low: number, high: number): number {
    const slots = this.#slots;
    let at = (low * 2) % slots.length;
    for (;;) {
      const [l, h] = [slots[at] ?? 0, slots[at + 1] ?? 0];
      if ((l === 0 && h === 0) || (l === low && h === high)) return at;
      at = (at + 2) % slots.length;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(2 * before.length);
    for (let at = 0; at < before.length; at += 2) {
      const [low, high] = [before[at] ?? 0, before[at + 1] ?? 0];
      if (low !== 0 || high !== 0) this.#put(low, high);
    }
  }
}

/** Two 32-bit multiplicative hashes of the code units, mixed as in MurmurHash3's finaliser; never 0, 0. */
function hashOf(id: string): readonly [number, number] {
  let low = 0xdeadbeef;
  let high = 0x41c6ce57;
  for (let i = 0; i < id.length; i++) {
    const unit = id.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x9e3779b1);
    high = Math.imul(high ^ unit, 0x5f356495);
  }
  return [mix(low, high), (mix(high, low) | 1) >>> 0];
}

function mix(value: number, other: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b) ^ Math.imul(other, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
