/**
 * Signatures of manifests and snapshots: SPEC.md section 3. A snapshot is signed together with the
 * hash of the manifest that it belongs to, so that nobody can put one model's state into another.
 */
import { UpdateSignatureError } from "../errors.ts";
import { CRC_BYTES } from "./byte-writer.ts";
import { openManifest } from "./manifest-codec.ts";
import type { SigningKey } from "./signing-keys.ts";
import { openSnapshot } from "./snapshot-codec.ts";
import { SEAL_BYTES, UPDATE_FLAGS } from "./update-header.ts";
import { checkSignature, signed, type SignaturePolicy } from "./update-signature.ts";
import { sha256 } from "./web-crypto.ts";

const NO_CONTEXT: Uint8Array = new Uint8Array(0);

/** Hashes the bytes of a manifest. */
export type HashManifest = (bytes: Uint8Array) => Promise<Uint8Array>;

/**
 * The SHA-256 of what a manifest says: its description and its graph, whoever signed them.
 * @throws CorruptManifestError, UnsupportedFormatError when the bytes are no manifest
 */
export async function hashManifest(bytes: Uint8Array): Promise<Uint8Array> {
  const { reader, flags } = openManifest(bytes);
  return sha256(bytes.subarray(reader.offset, bodyEnd(bytes, flags)));
}

/**
 * The bytes of a manifest, signed.
 * @throws SigningUnavailableError where the runtime has no Ed25519
 */
export async function signManifest(bytes: Uint8Array, key: SigningKey): Promise<Uint8Array> {
  const { flags } = openManifest(bytes);
  return signed(bytes.subarray(0, bodyEnd(bytes, flags)), NO_CONTEXT, key);
}

/**
 * Checks the signature of a manifest before its content is decoded.
 * @throws UpdateSignatureError for one that the policy does not allow
 */
export async function verifyManifest(bytes: Uint8Array, policy: SignaturePolicy): Promise<void> {
  return verify("the manifest", bytes, openManifest(bytes).flags, NO_CONTEXT, policy);
}

/**
 * The bytes of a snapshot, signed for the manifest of this hash.
 * @throws SigningUnavailableError where the runtime has no Ed25519
 */
export async function signSnapshot(
  bytes: Uint8Array,
  key: SigningKey,
  manifestHash: Uint8Array,
): Promise<Uint8Array> {
  const { flags } = openSnapshot(bytes);
  return signed(bytes.subarray(0, bodyEnd(bytes, flags)), manifestHash, key);
}

/**
 * Checks the signature of a snapshot of the manifest of this hash.
 * @throws UpdateSignatureError for one that the policy does not allow
 */
export async function verifySnapshot(
  bytes: Uint8Array,
  policy: SignaturePolicy,
  manifestHash: Uint8Array,
): Promise<void> {
  return verify("the snapshot", bytes, openSnapshot(bytes).flags, manifestHash, policy);
}

async function verify(
  what: string,
  bytes: Uint8Array,
  flags: number,
  context: Uint8Array,
  policy: SignaturePolicy,
): Promise<void> {
  if ((flags & UPDATE_FLAGS.signed) !== 0) {
    await checkSignature(what, bytes, bodyEnd(bytes, flags), context, policy);
  } else if (policy.required) {
    throw new UpdateSignatureError("unsigned", `${what} is not signed`);
  }
}

function bodyEnd(bytes: Uint8Array, flags: number): number {
  const isSigned = (flags & UPDATE_FLAGS.signed) !== 0;
  return Math.max(0, bytes.length - CRC_BYTES - (isSigned ? SEAL_BYTES : 0));
}
