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
  const gaps = merged(ranges);
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

function isIn(gaps: readonly PositionRange[], position: number): boolean {
  return gaps.some(({ from, to }) => position >= from && position < to);
}

/** How many positions below `limit` are not excluded. */
function rankOf(gaps: readonly PositionRange[], limit: number): number {
  let count = limit;
  for (const { from, to } of gaps) count -= Math.max(0, Math.min(to, limit) - from);
  return count;
}

/** The position that is not excluded and has this many such ones below it. */
function positionOf(gaps: readonly PositionRange[], rank: number): number {
  let found = rank;
  for (const { from, to } of gaps) {
    if (found < from) break;
    found += to - from;
  }
  return found;
}

/** The ranges, then the sampler's own checkpoint. */
function encode(gaps: readonly PositionRange[], checkpoint: Uint8Array): Uint8Array {
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
  readonly gaps: readonly PositionRange[];
  readonly checkpoint: Uint8Array;
} {
  const reader = new StateReader(bytes, KIND);
  const count = reader.whole(bytes.length);
  const gaps = Array.from({ length: count }, () => ({ from: reader.whole(), to: reader.whole() }));
  return { gaps, checkpoint: reader.rest() };
}
