/**
 * Groups what an iterable yields into arrays of `size`; the last one may be shorter. It asks for the
 * next item only when the consumer asks for the next chunk, so a slow consumer slows the source down.
 *
 * When `signal` aborts it ends, also in the middle of a chunk, and that chunk is dropped: it is not
 * the last one, so being short it would change what is learned from it. An error that the source
 * throws because of the abort is part of ending.
 */
export async function* chunksOf<T>(
  items: AsyncIterable<T>,
  size: number,
  signal?: AbortSignal,
): AsyncGenerator<readonly T[], void, void> {
  let chunk: T[] = [];
  try {
    for await (const item of items) {
      if (signal?.aborted) return;
      chunk.push(item);
      if (chunk.length < size) continue;
      const full = chunk;
      chunk = [];
      yield full;
      if (signal?.aborted) return;
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
  if (chunk.length > 0 && !signal?.aborted) yield chunk;
}
