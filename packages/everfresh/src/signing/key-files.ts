/** Ed25519 keys in files: PEM, as openssl writes and reads them too (RFC 8410). */
import { generateKeyPairSync } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import path from "node:path";
import { EverfreshError } from "@everfresh/core";
import {
  importPublicKey,
  importSigningKey,
  keyName,
  type PublicKey,
  type SigningKey,
} from "@everfresh/sync";
import { KeyFileError, OutputFileError } from "../errors.ts";

/** Who owns the private key may read and write it, and nobody else. */
const PRIVATE_MODE = 0o600;

/** Everybody may read the public one. */
const PUBLIC_MODE = 0o644;

/** Permissions that a private key should not give to others. */
const OTHERS = 0o077;

/** A pair of key files. */
export interface KeyPair {
  /** Absolute path. */
  readonly privateKeyFile: string;
  /** Absolute path. */
  readonly publicKeyFile: string;
  /** What updates name their key by: 8 hexadecimal digits. */
  readonly keyId: string;
  /** Its 32 bytes, in hexadecimal. */
  readonly publicKey: string;
}

/**
 * Makes a new pair of keys in the files NAME.key and NAME.pub.
 * @throws OutputFileError when one of them is there already, or cannot be written; then neither is
 * left behind
 */
export async function writeKeyPair(name: string): Promise<KeyPair> {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const privateKeyFile = path.resolve(`${name}.key`);
  const publicKeyFile = path.resolve(`${name}.pub`);
  const publicText = publicKey.export({ type: "spki", format: "pem" }).toString();
  const { id, bytes } = await importPublicKey(publicText);
  const privateText = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  create(privateKeyFile, privateText, PRIVATE_MODE);
  try {
    create(publicKeyFile, publicText, PUBLIC_MODE);
  } catch (error) {
    rmSync(privateKeyFile, { force: true });
    throw error;
  }
  const hex = Buffer.from(bytes).toString("hex");
  return { privateKeyFile, publicKeyFile, keyId: keyName(id), publicKey: hex };
}

/**
 * The private key in a file.
 * @throws KeyFileError when it cannot be read or holds something else
 */
export function readSigningKey(file: string): Promise<SigningKey> {
  return read(file, importSigningKey);
}

/**
 * The public key in a file.
 * @throws KeyFileError when it cannot be read or holds something else
 */
export function readPublicKey(file: string): Promise<PublicKey> {
  return read(file, importPublicKey);
}

/** Whether others than its owner may read a file, on systems that tell. */
export function isReadableByOthers(file: string): boolean {
  return process.platform !== "win32" && (statSync(file).mode & OTHERS) !== 0;
}

async function read<Key>(file: string, importKey: (text: string) => Promise<Key>): Promise<Key> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new KeyFileError(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
  try {
    return await importKey(text);
  } catch (cause) {
    if (cause instanceof EverfreshError) throw new KeyFileError(file, cause.message, cause);
    throw cause;
  }
}

/** Writes a file that must not be there yet, with these permissions from the first byte on. */
function create(file: string, text: string, mode: number): void {
  try {
    const handle = openSync(file, "wx", mode);
    try {
      writeSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (cause) {
    const isThere = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OutputFileError(
      file,
      isThere ? "it is there already, and a key is never overwritten; choose another name" : reason,
      cause,
    );
  }
}
