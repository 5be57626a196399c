import { assert } from "@everfresh/core";
import type { Sampler } from "./sampler.ts";

/** Positions of the history from `from` up to but without `to`. */
export interface PositionRange {
  readonly from: number;
  readonly to: number;
}

/**
 * A sampler that never draws positions of `ranges`: `sampler` sees a history without them, in which
 * all others have moved up. Where `ranges` are empty it draws what `sampler` would.
 * @param ranges in any order; they may overlap
 */
export function excluding(sampler: Sampler, ranges: readonly PositionRange[]): Sampler {
  const gaps = merged(ranges);
  if (gaps.length === 0) return sampler;
  return {
    draw: (count, limit) =>
      sampler
        .draw(count, limit - excludedBelow(gaps, limit))
        .map((position) => positionAmongAll(gaps, position)),
    get position() {
      return sampler.position;
    },
  };
}

/** The same positions as ranges that ascend and do not touch. */
function merged(ranges: readonly PositionRange[]): readonly PositionRange[] {
  const result: PositionRange[] = [];
  for (const { from, to } of ranges.toSorted((a, b) => a.from - b.from)) {
    assert(from >= 0 && to >= from, `positions ${from} to ${to} are a range`);
    const last = result.at(-1);
    if (from === to) continue;
    if (last === undefined || from > last.to) result.push({ from, to });
    else result[result.length - 1] = { from: last.from, to: Math.max(last.to, to) };
  }
  return result;
}

function excludedBelow(gaps: readonly PositionRange[], limit: number): number {
  let count = 0;
  for (const { from, to } of gaps) count += Math.max(0, Math.min(to, limit) - from);
  return count;
}

function positionAmongAll(gaps: readonly PositionRange[], position: number): number {
  let found = position;
  for (const { from, to } of gaps) {
    if (found < from) break;
    found += to - from;
  }
  return found;
}
