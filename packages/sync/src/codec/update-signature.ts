/**
 * Ed25519 signatures (RFC 8032) of encoded updates, by the Web Cryptography API: SPEC.md section 2.
 *
 *   header with the flag "signed" │ body │ key id │ signature over all before it │ CRC-32
 */
import { SigningUnavailableError, UpdateSignatureError } from "../errors.ts";
import { ByteWriter, CRC_BYTES } from "./byte-writer.ts";
import {
  FLAGS_AT,
  KEY_ID_BYTES,
  openUpdate,
  SEAL_BYTES,
  SIGNATURE_BYTES,
  UPDATE_FLAGS,
} from "./update-header.ts";

const ALGORITHM = "Ed25519";

/** Bytes of a public key, and of the seed of a private one. */
const KEY_BYTES = 32;

/** An update names the states that it is between: nothing else needs to be signed with it. */
const NO_CONTEXT: Uint8Array = new Uint8Array(0);

/** What stands before the seed in the PKCS #8 form of an Ed25519 private key (RFC 8410). */
const PKCS8_HEAD: Uint8Array = Uint8Array.of(
  ...[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22],
  ...[0x04, 0x20],
);

/** A key that updates are verified with. */
export interface PublicKey {
  /** The first four bytes of the SHA-256 of the key's bytes, the first one highest. */
  readonly id: number;
  /** The key itself, 32 bytes. */
  readonly bytes: Uint8Array;
  /** The same for the Web Cryptography API. */
  readonly handle: CryptoKey;
}

/** A key that updates are signed with. It stays with the publisher. */
export interface SigningKey {
  readonly publicKey: PublicKey;
  readonly handle: CryptoKey;
}

/** Whose updates are taken. */
export interface SignaturePolicy {
  /**
   * Whether an update must be signed by one of the keys. If not, unsigned ones and those of unknown
   * keys are taken too; a wrong signature of a known key never is.
   */
  readonly required: boolean;
  readonly keys: readonly PublicKey[];
}

/**
 * The public key of these 32 bytes.
 * @throws SigningUnavailableError where the runtime has no Ed25519, or for bytes that are no key
 */
export async function importPublicKey(bytes: Uint8Array): Promise<PublicKey> {
  const own = ownBytes(bytes, "public key");
  return guarded("the public key was not taken", async (subtle) => {
    const handle = await subtle.importKey("raw", own, ALGORITHM, true, ["verify"]);
    const digest = new DataView(await subtle.digest("SHA-256", own));
    return { id: digest.getUint32(0, false), bytes: own, handle };
  });
}

/**
 * The private key of this seed: 32 bytes that nobody can guess, as `crypto.getRandomValues` gives.
 * @throws SigningUnavailableError where the runtime has no Ed25519
 */
export async function importSigningKey(seed: Uint8Array): Promise<SigningKey> {
  const pkcs8 = new Uint8Array(PKCS8_HEAD.length + KEY_BYTES);
  pkcs8.set(PKCS8_HEAD);
  pkcs8.set(ownBytes(seed, "seed"), PKCS8_HEAD.length);
  return guarded("the private key was not taken", async (subtle) => {
    // Only the JSON form of a private key tells the public one.
    const readable = await subtle.importKey("pkcs8", pkcs8, ALGORITHM, true, ["sign"]);
    const { x } = await subtle.exportKey("jwk", readable);
    const publicKey = await importPublicKey(fromBase64Url(x ?? ""));
    const handle = await subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["sign"]);
    return { publicKey, handle };
  });
}

/**
 * The bytes of an update, signed.
 * @param bytes as `encodeUpdate` made them, or signed already: then the signature is replaced
 * @throws CorruptUpdateError, UnsupportedFormatError when they are no update
 * @throws SigningUnavailableError where the runtime has no Ed25519
 */
export async function signUpdate(bytes: Uint8Array, key: SigningKey): Promise<Uint8Array> {
  const { bodyEnd } = openUpdate(bytes);
  return signed(bytes.subarray(0, bodyEnd), NO_CONTEXT, key);
}

/**
 * Checks the signature of an update before anything of its content is decoded.
 * @throws UpdateSignatureError for one that the policy does not allow
 * @throws CorruptUpdateError, UnsupportedFormatError when the bytes are no update
 * @throws SigningUnavailableError where the runtime has no Ed25519
 */
export async function verifyUpdate(bytes: Uint8Array, policy: SignaturePolicy): Promise<void> {
  const { header, bodyEnd } = openUpdate(bytes);
  const { keyId, toVersion } = header;
  if (keyId === null) {
    if (!policy.required) return;
    throw new UpdateSignatureError("unsigned", `version ${toVersion} is not signed`);
  }
  await checkSignature(`version ${toVersion}`, bytes, bodyEnd, NO_CONTEXT, policy);
}

/**
 * A format without its signature and checksum, signed: with the flag, key id, signature, checksum.
 * @param context signed too, before the bytes, but not part of them: what they belong to
 */
export async function signed(
  body: Uint8Array,
  context: Uint8Array,
  key: SigningKey,
): Promise<Uint8Array> {
  const writer = new ByteWriter(body.length + SEAL_BYTES + CRC_BYTES);
  writer.raw(body);
  writer.raw(keyIdBytes(key.publicKey));
  const bytes = writer.bytes();
  bytes[FLAGS_AT] = (bytes[FLAGS_AT] ?? 0) | UPDATE_FLAGS.signed;
  const signature = await guarded("signing failed", (subtle) =>
    subtle.sign(ALGORITHM, key.handle, joined(context, bytes)),
  );
  writer.raw(new Uint8Array(signature));
  return writer.finishWithCrc().slice();
}

/**
 * Checks the signature behind `bodyEnd` of a format that has one.
 * @throws UpdateSignatureError for one that the policy does not allow
 */
export async function checkSignature(
  what: string,
  bytes: Uint8Array,
  bodyEnd: number,
  context: Uint8Array,
  policy: SignaturePolicy,
): Promise<void> {
  const end = bodyEnd + KEY_ID_BYTES;
  const keyId = new DataView(bytes.buffer, bytes.byteOffset + bodyEnd, KEY_ID_BYTES).getUint32(0);
  const keys = policy.keys.filter(({ id }) => id === keyId);
  const name = keyId.toString(16).padStart(8, "0");
  if (keys.length === 0) {
    if (!policy.required) return;
    throw new UpdateSignatureError("unknownKey", `${what}: key ${name} is not trusted`, { keyId });
  }
  const content = joined(context, bytes.subarray(0, end));
  const signature = new Uint8Array(bytes.subarray(end, end + SIGNATURE_BYTES));
  for (const { handle } of keys) {
    const isGood = await guarded("verifying failed", (subtle) =>
      subtle.verify(ALGORITHM, handle, signature, content),
    );
    if (isGood) return;
  }
  throw new UpdateSignatureError("wrong", `${what}: the signature of key ${name} is wrong`, {
    keyId,
  });
}

/** The SHA-256 of `bytes`. */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  const own = new Uint8Array(bytes);
  return new Uint8Array(await guarded("hashing failed", (subtle) => subtle.digest("SHA-256", own)));
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

async function guarded<T>(what: string, use: (subtle: SubtleCrypto) => Promise<T>): Promise<T> {
  // Absent in browsers on pages that did not come by https.
  const { subtle } = (globalThis as Partial<typeof globalThis>).crypto ?? {};
  if (subtle === undefined) {
    throw new SigningUnavailableError("this runtime has no Web Cryptography API");
  }
  try {
    return await use(subtle);
  } catch (error) {
    if (error instanceof SigningUnavailableError) throw error;
    throw new SigningUnavailableError(what, error);
  }
}

function ownBytes(bytes: Uint8Array, what: string): Uint8Array<ArrayBuffer> {
  if (bytes.length !== KEY_BYTES) {
    throw new SigningUnavailableError(`a ${what} has ${KEY_BYTES} bytes, not ${bytes.length}`);
  }
  return new Uint8Array(bytes);
}

function keyIdBytes({ id }: PublicKey): Uint8Array {
  const bytes = new Uint8Array(KEY_ID_BYTES);
  new DataView(bytes.buffer).setUint32(0, id, false);
  return bytes;
}

function fromBase64Url(text: string): Uint8Array {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.codePointAt(0) ?? 0);
}
