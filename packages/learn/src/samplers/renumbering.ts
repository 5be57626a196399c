import type { Renumbering } from "./sampler.ts";

/** How many of the positions below `position` there are in the new numbering. */
export function numbersBelow(position: number, renumbering: Renumbering): number {
  for (let before = position - 1; before >= 0; before--) {
    const last = renumbering(before);
    if (last !== null) return last + 1;
  }
  return 0;
}
