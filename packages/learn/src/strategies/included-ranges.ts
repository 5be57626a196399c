import { merged, type PositionRange } from "../samplers/excluding.ts";
import { countOf } from "./iteration.ts";

/** The part of the positions below `limit` that is not excluded, in ascending ranges. */
export function includedRanges(
  limit: number,
  excluded: readonly PositionRange[],
): readonly PositionRange[] {
  const included: PositionRange[] = [];
  let from = 0;
  for (const gap of merged(excluded)) {
    if (gap.from >= limit) break;
    if (gap.from > from) included.push({ from, to: gap.from });
    from = gap.to;
  }
  if (from < limit) included.push({ from, to: limit });
  return included;
}

/** The newest `count` positions of ascending ranges. */
export function newestOf(
  ranges: readonly PositionRange[],
  count: number,
): readonly PositionRange[] {
  let tooMany = Math.max(0, countOf(ranges) - count);
  const newest: PositionRange[] = [];
  for (const { from, to } of ranges) {
    const dropped = Math.min(tooMany, to - from);
    tooMany -= dropped;
    if (from + dropped < to) newest.push({ from: from + dropped, to });
  }
  return newest;
}
