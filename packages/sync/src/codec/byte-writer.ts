import { crc32, type Fingerprint } from "@everfresh/core";

/** Bytes of a fingerprint on the wire. */
export const FINGERPRINT_BYTES = 16;

/** Bytes of the checksum that ends every format. */
export const CRC_BYTES = 4;

/** Writes the primitives of every format here, little-endian, into memory that grows as needed. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(Math.max(capacity, 64));
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** One byte. */
  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Two bytes. */
  u16(value: number): void {
    this.u8(value & 0xff);
    this.u8(value >>> 8);
  }

  /** Four bytes. */
  u32(value: number): void {
    this.u16(value & 0xffff);
    this.u16(value >>> 16);
  }

  /** A whole number from 0 to 2⁵³ − 1 in groups of 7 bits, low ones first (LEB128). */
  varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.u8((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    this.u8(rest);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Text in UTF-8 after its length in bytes. */
  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /**
   * A fingerprint: its 32 hexadecimal digits as 16 bytes, in the order in which they are written.
   */
  fingerprint(fingerprint: Fingerprint): void {
    if (!/^[0-9a-f]{32}$/.test(fingerprint)) {
      throw new TypeError(`"${fingerprint}" is not a fingerprint: 32 hexadecimal digits are`);
    }
    for (let at = 0; at < 32; at += 2) this.u8(Number.parseInt(fingerprint.slice(at, at + 2), 16));
  }

  /** What was written: a view, valid until the next write. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Ends with the CRC-32 of everything before it. */
  finishWithCrc(): Uint8Array<ArrayBuffer> {
    this.u32(crc32(this.bytes()));
    return this.bytes();
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.bytes());
    this.#bytes = grown;
  }
}
