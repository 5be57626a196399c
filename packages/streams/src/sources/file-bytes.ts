import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { SourceGzipError, SourceSizeError, SourceUnreadableError } from "../errors.ts";

/** Larger files are refused: they would not fit one typed array on every machine that we run on. */
const FILE_BYTES_MAX = 2 ** 31 - 1;

/** Bytes that one step of unpacking gives: few steps, and each short enough to stop promptly. */
const GUNZIP_CHUNK_BYTES = 1 << 20;

/**
 * All bytes of a file, unpacked when its content is gzip, whatever its name says.
 * @throws SourceUnreadableError when it cannot be read
 * @throws SourceGzipError when it does not unpack
 * @throws SourceSizeError when it is larger than `bytesMax`
 */
export async function readFileBytes(
  path: string,
  {
    bytesMax = FILE_BYTES_MAX,
    signal,
  }: { bytesMax?: number; signal?: AbortSignal | undefined } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const raw = await readRaw(path, signal);
  const isGzip = raw[0] === 0x1f && raw[1] === 0x8b;
  const bytes = isGzip ? await gunzip(path, raw, bytesMax, signal) : raw;
  if (bytes.length > bytesMax) throw tooLarge(path, bytesMax);
  return bytes;
}

async function readRaw(
  path: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const buffer = await readFile(path, { signal });
    // Not a Buffer: that is a Uint8Array whose slice() shares memory, a trap for whoever wants a
    // copy.
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (cause) {
    signal?.throwIfAborted();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SourceUnreadableError(`Cannot read "${path}" (${reason})`, { cause, path });
  }
}

async function gunzip(
  path: string,
  packed: Uint8Array,
  bytesMax: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let length = 0;
  // One chunk: a plain Readable.from(bytes) would iterate over single numbers.
  const unpacked = Readable.from([packed]).pipe(createGunzip({ chunkSize: GUNZIP_CHUNK_BYTES }));
  try {
    for await (const chunk of unpacked) {
      signal?.throwIfAborted();
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > bytesMax) throw tooLarge(path, bytesMax);
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof SourceSizeError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SourceGzipError(path, reason, cause);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function tooLarge(path: string, bytesMax: number): SourceSizeError {
  return new SourceSizeError(`"${path}" has more than the ${bytesMax} bytes that it may have`, {
    path,
    bytesMax,
  });
}
