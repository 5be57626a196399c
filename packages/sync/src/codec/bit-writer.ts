/** Writes bits into memory that grows; they fill bytes from the least significant one on. */
export class BitWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  /** Bits that do not fill a byte yet: between two calls fewer than 8. */
  #pending = 0;
  #filled = 0;

  /** @param capacityBytes memory to begin with */
  constructor(capacityBytes: number) {
    this.#bytes = new Uint8Array(capacityBytes + 8);
  }

  /** The `count` low bits of `value`, low ones first; at most 32, the others must be zero. */
  bits(value: number, count: number): void {
    if (count > 24) {
      this.bits(value & 0xffff, 16);
      this.bits(value >>> 16, count - 16);
      return;
    }
    if (this.#length + 4 > this.#bytes.length) this.#grow();
    let pending = this.#pending | (value << this.#filled);
    let filled = this.#filled + count;
    let at = this.#length;
    for (; filled >= 8; filled -= 8, pending >>>= 8) this.#bytes[at++] = pending;
    this.#length = at;
    this.#pending = pending;
    this.#filled = filled;
  }

  /** `count` one bits, then a zero bit. */
  unary(count: number): void {
    let rest = count;
    for (; rest >= 16; rest -= 16) this.bits(0xffff, 16);
    this.bits((1 << rest) - 1, rest + 1);
  }

  /** What was written, the last byte padded with zero bits: a view, valid until the next write. */
  bytes(): Uint8Array<ArrayBuffer> {
    this.#bytes[this.#length] = this.#pending;
    return this.#bytes.subarray(0, this.#length + (this.#filled > 0 ? 1 : 0));
  }

  #grow(): void {
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
