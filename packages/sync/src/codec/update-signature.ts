/**
 * Signatures of encoded updates: SPEC.md section 2.4.
 *
 *   header with the flag "signed" │ body │ key id │ signature over all before it │ CRC-32
 */
import { UpdateSignatureError } from "../errors.ts";
import { ByteWriter, CRC_BYTES } from "./byte-writer.ts";
import { keyName, type PublicKey, type SigningKey } from "./signing-keys.ts";
import {
  FLAGS_AT,
  KEY_ID_BYTES,
  openUpdate,
  SEAL_BYTES,
  SIGNATURE_BYTES,
  UPDATE_FLAGS,
} from "./update-header.ts";

/** An update names the states that it is between: nothing else needs to be signed with it. */
const NO_CONTEXT: Uint8Array = new Uint8Array(0);

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
  writer.raw(await key.sign(joined(context, bytes)));
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
  const name = keyName(keyId);
  if (keys.length === 0) {
    if (!policy.required) return;
    throw new UpdateSignatureError("unknownKey", `${what}: key ${name} is not trusted`, { keyId });
  }
  const content = joined(context, bytes.subarray(0, end));
  const signature = new Uint8Array(bytes.subarray(end, end + SIGNATURE_BYTES));
  for (const key of keys) {
    if (await key.verify(content, signature)) return;
  }
  throw new UpdateSignatureError("wrong", `${what}: the signature of key ${name} is wrong`, {
    keyId,
  });
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

function keyIdBytes({ id }: PublicKey): Uint8Array {
  const bytes = new Uint8Array(KEY_ID_BYTES);
  new DataView(bytes.buffer).setUint32(0, id, false);
  return bytes;
}
