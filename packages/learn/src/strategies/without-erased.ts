import type { History } from "@everfresh/streams";
import type { CachingBatchReader } from "./batch-reader.ts";

/**
 * A reader whose batches leave out samples that were erased, also where they were chosen before that: as
 * new ones, or by an iteration that is performed again. Batches are then smaller, or empty.
 */
export function withoutErased(
  reader: CachingBatchReader,
  history: Pick<History, "erased">,
): CachingBatchReader {
  let known: readonly number[] = [];
  let erased: ReadonlySet<number> = new Set();
  const look = (): void => {
    const now = history.erased();
    if (now === known) return;
    reader.forget(now.filter((position) => !erased.has(position)));
    known = now;
    erased = new Set(now);
  };
  return {
    get use() {
      return reader.use;
    },
    get capacity() {
      return reader.capacity;
    },
    follow: (statistics) => reader.follow(statistics),
    performed: (samples) => reader.performed(samples),
    position: () => reader.position(),
    forget: (positions) => reader.forget(positions),
    eventTimesMs: (positions) => reader.eventTimesMs(positions),
    read: (positions, place) => {
      look();
      const left =
        erased.size === 0 ? positions : positions.filter((position) => !erased.has(position));
      return reader.read(left, place);
    },
  };
}
