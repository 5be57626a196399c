/** Keys for simulations: what they make is no cryptography, but quick, and the same each time. */
import { crc32 } from "@everfresh/core";

import { CRC_BYTES } from "../codec/byte-writer.ts";
import { decodeManifest, encodeManifest } from "../codec/manifest-codec.ts";
import type { SigningKey } from "../codec/signing-keys.ts";
import type { HashManifest } from "../codec/state-signature.ts";
import { FLAGS_AT, KEY_ID_BYTES, SIGNATURE_BYTES, UPDATE_FLAGS } from "../codec/update-header.ts";

/** A key that whoever knows the secret can sign with. */
export function simKey(secret: number): SigningKey {
  return {
    publicKey: {
      id: secret,
      bytes: Uint8Array.of(secret),
      verify: (content, signature) => {
        const expected = signatureOf(content, secret);
        return Promise.resolve(expected.every((byte, i) => byte === signature[i]));
      },
    },
    sign: (content) => Promise.resolve(signatureOf(content, secret)),
  };
}

/** What names a manifest, without a thread that hashes. */
export const simHash: HashManifest = (bytes) =>
  Promise.resolve(signatureOf(encodeManifest(decodeManifest(bytes)), 0).subarray(0, 32));

/** An update or snapshot with the seal of anybody: any key id, and a signature of his own making. */
export function sealedBy(secret: number, keyId: number, unsigned: Uint8Array): Uint8Array {
  const bodyBytes = unsigned.length - CRC_BYTES;
  const end = bodyBytes + KEY_ID_BYTES;
  const sealed = new Uint8Array(end + SIGNATURE_BYTES + CRC_BYTES);
  sealed.set(unsigned.subarray(0, bodyBytes));
  sealed[FLAGS_AT] = (sealed[FLAGS_AT] ?? 0) | UPDATE_FLAGS.signed;
  const view = new DataView(sealed.buffer);
  view.setUint32(bodyBytes, keyId, false);
  sealed.set(signatureOf(sealed.subarray(0, end), secret), end);
  const checksumAt = sealed.length - CRC_BYTES;
  view.setUint32(checksumAt, crc32(sealed.subarray(0, checksumAt)), true);
  return sealed;
}

/** Depends on every bit of both, and nobody guesses it here. */
function signatureOf(content: Uint8Array, secret: number): Uint8Array {
  const words = new Uint32Array(SIGNATURE_BYTES / 4);
  const sum = crc32(content);
  for (let i = 0; i < words.length; i++) {
    words[i] = Math.imul(sum ^ Math.imul(secret + i, 0x9e3779b1), 0x85ebca6b);
  }
  return new Uint8Array(words.buffer);
}
