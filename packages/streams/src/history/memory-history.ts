import { assert, type Sample } from "@everfresh/core";
import { DuplicateSampleError } from "../errors.ts";
import { isErased } from "../erasure/erased-sample.ts";
import { blankSample, checkPositions, checkRange, type History, ownedSample } from "./history.ts";

/** A history that lasts as long as the process: for tests, and for embedding without a disk. */
export function memoryHistory(): History {
  const stored: Sample[] = [];
  const ids = new Set<string>();
  let erased: readonly number[] = [];
  const at = (position: number): Sample => {
    const sample = stored[position];
    assert(sample !== undefined, `position ${position} was checked`);
    return sample;
  };
  // The methods are async so that their errors arrive as rejections, as from any other history.
  /* eslint-disable @typescript-eslint/require-await */
  return {
    append: async (samples) => {
      const incoming = new Set<string>();
      for (const { id } of samples) {
        if (ids.has(id) || incoming.has(id)) throw new DuplicateSampleError(id);
        incoming.add(id);
      }
      for (const sample of samples) {
        if (isErased(sample)) {
          erased = [...erased, stored.length];
          stored.push(blankSample(sample, stored.length));
          continue;
        }
        stored.push(ownedSample(sample));
        ids.add(sample.id);
      }
      return stored.length;
    },
    count: () => stored.length,
    read: async (positions) => {
      checkPositions(positions, stored.length);
      return positions.map(at);
    },
    range: async (from, to) => {
      checkRange(from, to, stored.length);
      return stored.slice(from, to);
    },
    facts: async (from, to) => {
      checkRange(from, to, stored.length);
      return stored.slice(from, to).map(({ eventTimeMs, label }) => ({ eventTimeMs, label }));
    },
    erase: async (id) => {
      const position = ids.delete(id) ? stored.findIndex((sample) => sample.id === id) : -1;
      if (position < 0) return null;
      stored[position] = blankSample(at(position), position);
      erased = [...erased, position].toSorted((a, b) => a - b);
      return position;
    },
    positionOf: (id) => (ids.has(id) ? stored.findIndex((sample) => sample.id === id) : null),
    erased: () => erased,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
