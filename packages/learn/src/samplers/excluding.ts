import { assert } from "@everfresh/core";
import { StateReader, StateWriter } from "./state-bytes.ts";
import type { Sampler } from "./sampler.ts";

const KIND = "excluding/1";

/** Positions of the history from `from` up to but without `to`. */
export interface PositionRange {
  readonly from: number;
  readonly to: number;
}

/**
 * A sampler that never draws positions of `ranges`: `sampler` sees a history without them, in which
 * all others have moved up. Where `ranges` are empty it draws what `sampler` would. Its checkpoint
 * fits other ranges too: what the sampler knew about positions stays with them.
 * @param ranges in any order; they may overlap
 */
export function excluding(sampler: Sampler, ranges: readonly PositionRange[]): Sampler {
  const gaps = gapsOf(ranges);
  const { reach } = sampler;
  const observe = sampler.observe?.bind(sampler);
  const checkpoint = sampler.checkpoint?.bind(sampler);
  const restore = sampler.restore?.bind(sampler);
  let observed = 0;
  return {
    ...(reach === undefined ? {} : { reach }),
    draw: (count, limit) =>
      sampler.draw(count, rankOf(gaps, limit)).map((rank) => positionOf(gaps, rank)),
    get position() {
      return sampler.position;
    },
    ...(observe === undefined
      ? {}
      : {
          observe: (facts) => {
            const from = observed;
            observed += facts.length;
            observe(facts.filter((_, i) => !isIn(gaps, from + i)));
          },
        }),
    ...(checkpoint === undefined ? {} : { checkpoint: () => encode(gaps, checkpoint()) }),
    ...(restore === undefined
      ? {}
      : {
          restore: (bytes, renumbering = (position) => position) => {
            const before = decode(bytes);
            restore(before.checkpoint, (rank) => {
              const position = renumbering(positionOf(before.gaps, rank));
              return position === null || isIn(gaps, position) ? null : rankOf(gaps, position);
            });
          },
        }),
  };
}

/** The same positions as ranges that ascend and do not touch. */
export function merged(ranges: readonly PositionRange[]): readonly PositionRange[] {
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

/** A range that is left out. */
interface Gap extends PositionRange {
  /** Excluded positions in the gaps before it. */
  readonly before: number;
}

/** Gaps with what is before each, so that many of them cost little: whatever is asked, one is found. */
function gapsOf(ranges: readonly PositionRange[]): readonly Gap[] {
  let before = 0;
  return merged(ranges).map(({ from, to }) => {
    const gap = { from, to, before };
    before += to - from;
    return gap;
  });
}

/** The last gap for which this holds; it holds for the first ones, and no others. */
function lastGap(gaps: readonly Gap[], holds: (gap: Gap) => boolean): Gap | undefined {
  let [least, most] = [0, gaps.length];
  while (least < most) {
    const middle = (least + most) >> 1;
    const gap = gaps[middle];
    if (gap !== undefined && holds(gap)) least = middle + 1;
    else most = middle;
  }
  return gaps[least - 1];
}

function isIn(gaps: readonly Gap[], position: number): boolean {
  const gap = lastGap(gaps, ({ from }) => from <= position);
  return gap !== undefined && position < gap.to;
}

/** How many positions below `limit` are not excluded. */
function rankOf(gaps: readonly Gap[], limit: number): number {
  const gap = lastGap(gaps, ({ from }) => from < limit);
  return gap === undefined ? limit : limit - gap.before - (Math.min(gap.to, limit) - gap.from);
}

/** The position that is not excluded and has this many such ones below it. */
function positionOf(gaps: readonly Gap[], rank: number): number {
  const gap = lastGap(gaps, ({ from, before }) => from - before <= rank);
  return gap === undefined ? rank : rank + gap.before + gap.to - gap.from;
}

/** The ranges, then the sampler's own checkpoint. */
function encode(gaps: readonly Gap[], checkpoint: Uint8Array): Uint8Array {
  const writer = new StateWriter(KIND);
  writer.whole(gaps.length);
  for (const { from, to } of gaps) {
    writer.whole(from);
    writer.whole(to);
  }
  const head = writer.bytes();
  const bytes = new Uint8Array(head.length + checkpoint.length);
  bytes.set(head);
  bytes.set(checkpoint, head.length);
  return bytes;
}

function decode(bytes: Uint8Array): {
  readonly gaps: readonly Gap[];
  readonly checkpoint: Uint8Array;
} {
  const reader = new StateReader(bytes, KIND);
  const count = reader.whole(bytes.length);
  const gaps = Array.from({ length: count }, () => ({ from: reader.whole(), to: reader.whole() }));
  return { gaps: gapsOf(gaps), checkpoint: reader.rest() };
}
