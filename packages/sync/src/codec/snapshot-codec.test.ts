import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { CorruptSnapshotError, UnsupportedFormatError } from "../errors.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot-codec.ts";

const FINGERPRINT = "0123456789abcdef0123456789abcdef";

describe("encodeSnapshot and decodeSnapshot", () => {
  it("give back exactly the snapshot that went in", () => {
    const versions = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(versions, fc.uint8Array({ maxLength: 300 }), (version, bytes) => {
        const snapshot = { version, fingerprint: FINGERPRINT, bytes };
        expect(decodeSnapshot(encodeSnapshot(snapshot))).toEqual(snapshot);
      }),
    );
  });

  it("find every flipped bit and every truncation", () => {
    const bytes = encodeSnapshot({
      version: 300,
      fingerprint: FINGERPRINT,
      bytes: Uint8Array.of(1, 2, 3),
    });
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const isVersion = bit >> 3 === 2;
      expect(() => decodeSnapshot(flipped)).toThrow(
        isVersion ? UnsupportedFormatError : CorruptSnapshotError,
      );
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSnapshot(bytes.subarray(0, length))).toThrow(CorruptSnapshotError);
    }
  });
});
