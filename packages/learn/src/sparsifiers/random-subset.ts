import type { Random } from "@everfresh/core";

/**
 * `count` of the numbers from 0 to `limit` − 1, ascending; every subset is equally likely. Takes as
 * many random numbers as are drawn or left out, whichever is fewer, and all or none are drawn
 * without any.
 *
 * Floyd's algorithm (Bentley, Floyd: "A sample of brilliance", CACM 30(9), 1987).
 */
export function randomSubset(
  random: Random,
  count: number,
  limit: number,
): Uint32Array<ArrayBuffer> {
  const isDrawn = count <= limit / 2;
  const marks = new Uint32Array(Math.ceil(limit / 32));
  const marked = (at: number): boolean => (((marks[at >>> 5] ?? 0) >>> (at & 31)) & 1) === 1;
  // For j = limit − draws .. limit − 1: mark a uniform number of [0, j], or j if that one is
  // marked.
  const draws = isDrawn ? count : limit - count;
  for (let last = limit - draws; last < limit; last++) {
    const drawn = random.below(last + 1);
    const at = marked(drawn) ? last : drawn;
    marks[at >>> 5] = (marks[at >>> 5] ?? 0) | (1 << (at & 31));
  }
  const subset = new Uint32Array(count);
  let filled = 0;
  for (let word = 0; filled < count; word++) {
    let bits = isDrawn ? (marks[word] ?? 0) : ~(marks[word] ?? 0);
    // The last word may have more unmarked bits than there are numbers: the count ends it.
    for (; bits !== 0 && filled < count; bits &= bits - 1) {
      subset[filled++] = 32 * word + 31 - Math.clz32(bits & -bits);
    }
  }
  return subset;
}
