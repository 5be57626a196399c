import { crc32, type EverfreshError, type Fingerprint } from "@everfresh/core";

import { UnsupportedFormatError } from "../errors.ts";
import { CRC_BYTES, FINGERPRINT_BYTES } from "./byte-writer.ts";

/** Makes the typed error of the format that is being read. */
export type Failure = (reason: string) => EverfreshError;

/** Each byte in hexadecimal. */
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

/** What the first bytes of a format must be. */
export interface FormatHead {
  /** Name for messages. */
  readonly what: string;
  /** Two ASCII characters. */
  readonly magic: string;
  /** The one format version that this release reads. */
  readonly version: number;
}

/** Reads the primitives that `ByteWriter` writes; every read is checked against what is there. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #fail: Failure;
  readonly #end: number;
  #offset: number;

  /** @param end where the readable part ends, when bytes after it do not belong to the body */
  constructor(bytes: Uint8Array, fail: Failure, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#fail = fail;
    this.#offset = start;
    this.#end = end;
  }

  /** Where the next read starts. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes that are left. */
  get remaining(): number {
    return this.#end - this.#offset;
  }

  /** One byte. */
  u8(): number {
    this.#need(1);
    return this.#bytes[this.#offset++] ?? 0;
  }

  /** A whole number from 0 to `max` (at most 2⁵³ − 1) in its shortest form. */
  varint(max: number, name: string): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (value > max) throw this.#fail(`${name} is above ${max}`);
      if (byte < 128) {
        if (byte === 0 && scale > 1) throw this.#fail(`${name} is longer than it needs to be`);
        return value;
      }
      scale *= 128;
      if (scale > 2 ** 49) throw this.#fail(`${name} does not end`);
    }
  }

  /** `count` bytes: a view, not a copy. */
  raw(count: number): Uint8Array {
    this.#need(count);
    const start = this.#offset;
    this.#offset += count;
    return this.#bytes.subarray(start, this.#offset);
  }

  /** The bytes that are left, without reading them: a view, not a copy. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#offset, this.#end);
  }

  /** UTF-8 text of at most `maxBytes` bytes after its length. */
  text(maxBytes: number, name: string): string {
    const bytes = this.raw(this.varint(maxBytes, `length of ${name}`));
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      throw this.#fail(`${name} is not UTF-8`);
    }
  }

  /** A fingerprint from its 16 bytes. */
  fingerprint(): Fingerprint {
    let text = "";
    for (const byte of this.raw(FINGERPRINT_BYTES)) text += HEX[byte] ?? "";
    return text;
  }

  /** Checks that nothing is left. */
  end(): void {
    if (this.remaining !== 0) throw this.#fail(`${this.remaining} bytes too many`);
  }

  #need(count: number): void {
    if (count > this.remaining) {
      throw this.#fail(`${count} bytes needed at byte ${this.#offset}, ${this.remaining} left`);
    }
  }
}

/**
 * Checks magic, format version and checksum; the reader that it returns is behind the first two and
 * ends before the third.
 * @throws UnsupportedFormatError for another format version; what `fail` makes for everything else
 */
export function openChecked(bytes: Uint8Array, head: FormatHead, fail: Failure): ByteReader {
  const start = head.magic.length + 1;
  if (bytes.length < start) throw fail(`${bytes.length} bytes are too few`);
  const magic = String.fromCharCode(...bytes.subarray(0, head.magic.length));
  if (magic !== head.magic) throw fail(`it does not start with "${head.magic}"`);
  const version = bytes[head.magic.length] ?? 0;
  if (version !== head.version) {
    throw new UnsupportedFormatError(head.what, version, head.version);
  }
  return readerBeforeCrc(bytes, fail, start);
}

/** A reader from `start` to the CRC-32 that ends `bytes`, which is checked. */
export function readerBeforeCrc(bytes: Uint8Array, fail: Failure, start: number): ByteReader {
  if (bytes.length < start + CRC_BYTES) throw fail(`${bytes.length} bytes are too few`);
  const end = bytes.length - CRC_BYTES;
  const expected = new DataView(bytes.buffer, bytes.byteOffset + end, CRC_BYTES).getUint32(0, true);
  const actual = crc32(bytes.subarray(0, end));
  if (actual !== expected) {
    throw fail(`checksum ${hex(actual)} where ${hex(expected)} was expected`);
  }
  return new ByteReader(bytes, fail, start, end);
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
