import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { SourceGzipError } from "../errors.ts";
import { readFileBytes } from "./file-bytes.ts";

/** The bytes of a file that may have lost its end. */
export interface UnpackedPrefix {
  readonly bytes: Uint8Array;
  /** Why the bytes end before the file does; null where they do not. */
  readonly damage: SourceGzipError | null;
}

/** Bytes of a damaged file that are unpacked, as for a whole one. */
const UNPACKED_BYTES_MAX = 2 ** 31 - 1;

/**
 * All bytes of a file, or those before the place from which on it does not unpack.
 * @throws SourceUnreadableError, SourceSizeError
 */
export async function readUnpackedPrefix(path: string): Promise<UnpackedPrefix> {
  try {
    return { bytes: await readFileBytes(path), damage: null };
  } catch (error) {
    if (!(error instanceof SourceGzipError)) throw error;
    return { bytes: await unpackWhatCan(path), damage: error };
  }
}

async function unpackWhatCan(path: string): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  const unpacked = Readable.from([await readFile(path)]).pipe(createGunzip());
  try {
    for await (const chunk of unpacked) {
      length += (chunk as Buffer).length;
      if (length > UNPACKED_BYTES_MAX) break;
      chunks.push(chunk as Buffer);
    }
  } catch {
    // The damage that the caller knows: what came before it is all there is.
  }
  return new Uint8Array(Buffer.concat(chunks));
}
