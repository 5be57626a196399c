import { SamplerCheckpointError } from "../errors.ts";

/** Writes a sampler's checkpoint: its kind, then numbers. */
export class StateWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;

  /** @param kind what {@link StateReader} must be told to read it */
  constructor(kind: string) {
    this.whole(kind.length);
    for (const character of kind) this.#byte(character.charCodeAt(0));
  }

  /** A whole number from 0 to 2⁵³ − 1; one byte up to 127 (LEB128). */
  whole(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#byte((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    this.#byte(rest);
  }

  /** Any number, bit for bit. */
  float(value: number): void {
    const bits = new Uint8Array(8);
    new DataView(bits.buffer).setFloat64(0, value, true);
    for (const byte of bits) this.#byte(byte);
  }

  /** What was written. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #byte(value: number): void {
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#length++] = value;
  }
}

/** Reads what a {@link StateWriter} has written. */
export class StateReader {
  readonly #bytes: Uint8Array;
  readonly #kind: string;
  #at = 0;

  /** @throws SamplerCheckpointError when it is not of this kind */
  constructor(bytes: Uint8Array, kind: string) {
    this.#bytes = bytes;
    this.#kind = kind;
    const length = this.whole();
    const found = String.fromCharCode(...bytes.subarray(this.#at, this.#at + length));
    if (found !== kind) throw this.#damaged(`it is of kind "${found}"`);
    this.#at += length;
  }

  /**
   * The next whole number.
   * @throws SamplerCheckpointError when there is none, or it is above `most`
   */
  whole(most: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * factor;
      if (value > most) throw this.#damaged(`${value} at byte ${this.#at} is above ${most}`);
      if (byte < 128) return value;
    }
  }

  /**
   * The next number of any kind.
   * @throws SamplerCheckpointError when there is none
   */
  float(): number {
    const bits = Uint8Array.from({ length: 8 }, () => this.#byte());
    return new DataView(bits.buffer).getFloat64(0, true);
  }

  /** All bytes that are left. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  /** @throws SamplerCheckpointError when bytes are left over */
  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw this.#damaged(`${left} bytes are left over`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw this.#damaged("it ends too early");
    return byte;
  }

  #damaged(reason: string): SamplerCheckpointError {
    return new SamplerCheckpointError(this.#kind, reason);
  }
}
