/** A loop that only makes a processor fetch. */
import type { Code, KernelFunction } from "@everfresh/core/wasm";
import type { VectorMemories } from "./difference-kernels.ts";
import {
  add,
  below,
  get,
  loadWord,
  or,
  repeatWhile,
  set,
  shiftLeft,
  whole,
} from "./instructions.ts";

/** Bytes that a processor fetches from memory at a time. */
const CACHE_LINE = 64;

/** A vector by the local that has its address, which moves on, and the number of its memory. */
interface Touched {
  readonly address: number;
  readonly memory: number;
}

/** Locals with numbers: how long a quarter of each vector is in bytes, and what the loop works with. */
interface TouchLocals {
  readonly quarter: number;
  readonly end: number;
  /** All words that were read as one: a result that nobody takes would not be computed. */
  readonly bits: number;
}

/**
 * Reads a word of every cache line of the vectors, in four places of each at a time that are a quarter
 * apart. A processor waits for such reads together, and then has in its cache what is read next.
 */
export function touching(
  vectors: readonly [Touched, ...Touched[]],
  { quarter, end, bits }: TouchLocals,
): Code {
  const reads = vectors.flatMap(({ address, memory }) => {
    const half = shiftLeft(get(quarter), whole(1));
    const places = [[], get(quarter), half, add(half, get(quarter))];
    return places
      .map((place) => (place.length === 0 ? get(address) : add(get(address), place)))
      .map((place) => loadWord(place, { memory }));
  });
  const [{ address: first }] = vectors;
  const line = [
    ...set(
      bits,
      reads.reduce((all, word) => or(all, word), get(bits)),
    ),
    ...vectors.flatMap(({ address }) => set(address, add(get(address), whole(CACHE_LINE)))),
  ];
  return [
    ...set(end, add(get(first), get(quarter))),
    ...repeatWhile(line, below(get(first), get(end))),
  ];
}

/** touch(a, b, quarter): touches both vectors and returns the words that it read as one. */
export function touchKernel({ wanted, present }: VectorMemories): KernelFunction {
  const [a, b, quarter, end, bits] = [0, 1, 2, 3, 4];
  const vectors = [
    { address: a, memory: wanted },
    { address: b, memory: present },
  ] as const;
  return {
    name: "touch",
    parameters: ["i32", "i32", "i32"],
    variables: ["i32", "i32"],
    returns: "i32",
    code: [...touching(vectors, { quarter, end, bits }), ...get(bits)],
  };
}
