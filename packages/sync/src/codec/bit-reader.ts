import type { Failure } from "./byte-reader.ts";

/** Reads what `BitWriter` writes. Behind the end it finds zero bits, which {@link end} refuses. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #fail: Failure;
  #at = 0;
  /** Bits that were taken out of bytes and not read yet; those above `#filled` are zero. */
  #pending = 0;
  #filled = 0;

  constructor(bytes: Uint8Array, fail: Failure) {
    this.#bytes = bytes;
    this.#fail = fail;
  }

  /** A number of `count` bits, low ones first; at most 32. */
  bits(count: number): number {
    if (count > 24) return this.bits(16) + this.bits(count - 16) * 65_536;
    if (this.#filled < count) this.#fill();
    const value = this.#pending & ((1 << count) - 1);
    this.#pending >>>= count;
    this.#filled -= count;
    return value;
  }

  /** How many one bits come before the next zero bit, which is read too; at most `max`. */
  unary(max: number): number {
    let count = 0;
    for (;;) {
      if (this.#filled === 0) this.#fill();
      const zeros = ~this.#pending;
      const ones = zeros === 0 ? 32 : 31 - Math.clz32(zeros & -zeros);
      if (ones < this.#filled) {
        count += ones;
        if (count > max) throw this.#fail("a code is longer than its largest value");
        // In two steps, because a shift by 32 would be one by 0.
        this.#pending = (this.#pending >>> ones) >>> 1;
        this.#filled -= ones + 1;
        return count;
      }
      count += this.#filled;
      if (count > max) throw this.#fail("a code is longer than its largest value");
      this.#pending = 0;
      this.#filled = 0;
    }
  }

  /** Ends reading: returns how many bytes were used. The last one must be padded with zero bits. */
  end(): number {
    const bitsRead = this.#at * 8 - this.#filled;
    const used = Math.ceil(bitsRead / 8);
    if (used > this.#bytes.length) throw this.#fail("bits end before what they code");
    const padding = used * 8 - bitsRead;
    if ((this.#pending & ((1 << padding) - 1)) !== 0) throw this.#fail("padding bits are not zero");
    return used;
  }

  #fill(): void {
    const bytes = this.#bytes;
    let pending = this.#pending;
    let filled = this.#filled;
    for (; filled <= 24; filled += 8) pending |= (bytes[this.#at++] ?? 0) << filled;
    this.#pending = pending >>> 0;
    this.#filled = filled;
  }
}
