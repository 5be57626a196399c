import { type FileHandle, open } from "node:fs/promises";
import type { TransformOptions } from "node:stream";
import { createGunzip, type Gunzip, type ZlibOptions } from "node:zlib";
import { SourceGzipError, SourceUnreadableError } from "../errors.ts";

/** Options of {@link fileChunks}. */
export interface FileChunksOptions {
  /** The first byte that is wanted, of the file as it is when it is unpacked. @default 0 */
  readonly from?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes that are read, or unpacked, at a time. */
const CHUNK_BYTES = 1 << 16;

/** Packed bytes that are unpacked at a time: they become a thousand times as many, at most. */
const PACKED_BYTES = 1 << 13;

/** All of these are kept until they are read. */
const UNPACKED_AHEAD_MAX = 2 ** 30;

/**
 * The bytes of a file, unpacked when its content is gzip, whatever its name says; in memory are a few
 * chunks of them. A plain file is read from byte `from` on; gzip has to be unpacked up to it.
 * @throws SourceUnreadableError when it cannot be read
 * @throws SourceGzipError where it does not unpack any more; the bytes before that were given
 */
export async function* fileChunks(
  path: string,
  { from = 0, signal }: FileChunksOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  signal?.throwIfAborted();
  const file = await open(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  try {
    const magic = await readAt(path, file, 0, 2);
    if (magic[0] !== 0x1f || magic[1] !== 0x8b) {
      yield* rawChunks(path, file, from, signal);
      return;
    }
    let skipped = 0;
    for await (const chunk of unpacked(path, rawChunks(path, file, 0, signal))) {
      signal?.throwIfAborted();
      const skip = Math.min(chunk.length, from - skipped);
      skipped += skip;
      if (skip < chunk.length) yield chunk.subarray(skip);
    }
  } finally {
    await file.close();
  }
}

async function* rawChunks(
  path: string,
  file: FileHandle,
  from: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  for (let at = from; ;) {
    signal?.throwIfAborted();
    const chunk = await readAt(path, file, at, CHUNK_BYTES);
    if (chunk.length === 0) return;
    yield chunk;
    at += chunk.length;
  }
}

/** As many bytes as there are, up to `length`: where chunks end is the same for every reading. */
async function readAt(
  path: string,
  file: FileHandle,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunk = new Uint8Array(length);
  let filled = 0;
  try {
    while (filled < length) {
      const { bytesRead } = await file.read(chunk, filled, length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return chunk.subarray(0, filled);
}

/**
 * Unpacks chunk by chunk, so that what is given before an error depends on the file alone: an iterator
 * over the stream would lose what it had buffered.
 */
async function* unpacked(
  path: string,
  packed: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const options: ZlibOptions & TransformOptions = {
    chunkSize: CHUNK_BYTES,
    readableHighWaterMark: UNPACKED_AHEAD_MAX,
  };
  const gunzip = createGunzip(options);
  const failed: PromiseWithResolvers<Error> = Promise.withResolvers();
  const failures: Error[] = [];
  gunzip.on("error", (error) => {
    failures.push(error);
    failed.resolve(error);
  });
  let ready: Uint8Array[] = [];
  const take = (): readonly Uint8Array[] => {
    for (let chunk = readFrom(gunzip); chunk !== null; chunk = readFrom(gunzip)) ready.push(chunk);
    const taken = ready;
    ready = [];
    return taken;
  };
  try {
    for await (const chunk of packed) {
      for (let at = 0; at < chunk.length && failures.length === 0; at += PACKED_BYTES) {
        const part = chunk.subarray(at, at + PACKED_BYTES);
        await settled(failed.promise, (done) => gunzip.write(part, done));
        yield* take();
      }
      if (failures.length > 0) break;
    }
    if (failures.length === 0) {
      await settled(failed.promise, (done) => {
        // The end comes once all was read.
        gunzip.once("end", done).on("readable", () => (ready = [...take()]));
        gunzip.end();
      });
      yield* take();
    }
  } finally {
    gunzip.destroy();
  }
  const [failure] = failures;
  if (failure !== undefined) throw new SourceGzipError(path, failure.message, failure);
}

function settled(failed: Promise<unknown>, work: (done: () => void) => void): Promise<unknown> {
  return Promise.race([failed, new Promise<void>((resolve) => work(() => resolve()))]);
}

function readFrom(gunzip: Gunzip): Uint8Array | null {
  const chunk = gunzip.read() as Buffer | null;
  return chunk === null ? null : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function unreadable(path: string, cause: unknown): SourceUnreadableError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SourceUnreadableError(`Cannot read "${path}" (${reason})`, { cause, path });
}
