/**
 * Ed25519 keys (RFC 8032), by the Web Cryptography API: as their 32 bytes, or as the text of a PEM
 * file (RFC 8410), which is how `everfresh keygen` and openssl write them.
 */
import { SigningKeyError } from "../errors.ts";
import { sha256, withSubtleCrypto } from "./web-crypto.ts";

const ALGORITHM = "Ed25519";

/** Bytes of a public key, and of the seed of a private one. */
const KEY_BYTES = 32;

/** What stands before the 32 bytes of a key in the form of this name (RFC 8410). */
const FORMS = {
  "PUBLIC KEY": [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00],
  "PRIVATE KEY": [
    ...[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22],
    ...[0x04, 0x20],
  ],
} as const;

/** A key that updates are verified with. */
export interface PublicKey {
  /** The first four bytes of the SHA-256 of the key's bytes, the first one highest. */
  readonly id: number;
  /** The key itself, 32 bytes. */
  readonly bytes: Uint8Array;
  /** Whether `signature`, 64 bytes, is that of `content` by this key. */
  verify(content: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>): Promise<boolean>;
}

/** A key that updates are signed with. It stays with the publisher. */
export interface SigningKey {
  readonly publicKey: PublicKey;
  /** The signature of `content`, 64 bytes; the private key itself may be in another device. */
  sign(content: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}

/**
 * The public key of these 32 bytes, or of the text of its PEM file.
 * @throws SigningKeyError for what is no such key
 * @throws SigningUnavailableError where the runtime has no Ed25519
 */
export async function importPublicKey(key: Uint8Array | string): Promise<PublicKey> {
  const bytes = bytesOf(key, "PUBLIC KEY");
  const handle = await withSubtleCrypto("the public key was not taken", (subtle) =>
    subtle.importKey("raw", bytes, ALGORITHM, true, ["verify"]),
  );
  const digest = await sha256(bytes);
  return {
    id: new DataView(digest.buffer, digest.byteOffset).getUint32(0, false),
    bytes,
    verify: (content, signature) =>
      withSubtleCrypto("verifying failed", (subtle) =>
        subtle.verify(ALGORITHM, handle, signature, content),
      ),
  };
}

/**
 * The private key of this seed, 32 bytes that nobody can guess, as `crypto.getRandomValues` gives; or
 * of the text of its PEM file.
 * @throws SigningKeyError for what is no such key
 * @throws SigningUnavailableError where the runtime has no Ed25519
 */
export async function importSigningKey(key: Uint8Array | string): Promise<SigningKey> {
  const head = FORMS["PRIVATE KEY"];
  const pkcs8 = new Uint8Array(head.length + KEY_BYTES);
  pkcs8.set(head);
  pkcs8.set(bytesOf(key, "PRIVATE KEY"), head.length);
  const { x, handle } = await withSubtleCrypto("the private key was not taken", async (subtle) => {
    // Only the JSON form of a private key tells the public one.
    const readable = await subtle.importKey("pkcs8", pkcs8, ALGORITHM, true, ["sign"]);
    return {
      x: (await subtle.exportKey("jwk", readable)).x ?? "",
      handle: await subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["sign"]),
    };
  });
  const publicKey = await importPublicKey(
    fromBase64(x.replaceAll("-", "+").replaceAll("_", "/")) ?? new Uint8Array(0),
  );
  return {
    publicKey,
    sign: async (content) =>
      new Uint8Array(
        await withSubtleCrypto("signing failed", (subtle) =>
          subtle.sign(ALGORITHM, handle, content),
        ),
      ),
  };
}

/** The name that people know a key by: its id in 8 hexadecimal digits. */
export function keyName(id: number): string {
  return id.toString(16).padStart(8, "0");
}

/** A copy of the 32 bytes of a key. */
function bytesOf(key: Uint8Array | string, form: keyof typeof FORMS): Uint8Array<ArrayBuffer> {
  const bytes = typeof key === "string" ? bytesOfPem(key, form) : key;
  if (bytes.length !== KEY_BYTES) {
    throw new SigningKeyError(`it has ${bytes.length} bytes, ${KEY_BYTES} are one`);
  }
  return new Uint8Array(bytes);
}

function bytesOfPem(text: string, form: keyof typeof FORMS): Uint8Array {
  const [, label, body = ""] = /-----BEGIN ([A-Z ]+)-----([^-]*)-----END \1-----/.exec(text) ?? [];
  if (label === undefined) throw new SigningKeyError("it is no PEM text");
  if (label !== form) throw new SigningKeyError(`it is a ${label}, a ${form} is needed`);
  const der = fromBase64(body.replaceAll(/\s+/g, ""));
  const head = FORMS[form];
  if (der?.length !== head.length + KEY_BYTES || head.some((byte, i) => der[i] !== byte)) {
    throw new SigningKeyError("it is damaged, or no Ed25519 key");
  }
  return der.subarray(head.length);
}

function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.codePointAt(0) ?? 0);
  } catch {
    return null;
  }
}
