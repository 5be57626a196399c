import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { excluding, type PositionRange } from "./excluding.ts";
import { inverseCountSampler } from "./inverse-count.ts";
import { reservoirSampler } from "./reservoir.ts";
import { rollingSampler } from "./rolling.ts";
import type { Sampler } from "./sampler.ts";

const OLD: readonly PositionRange[] = [{ from: 5, to: 15 }];
const NEW: readonly PositionRange[] = [...OLD, { from: 40, to: 60 }];

/** A sampler with more ranges, restored from one with fewer after some draws. */
function withMoreRanges(make: (random: Random) => Sampler): readonly [Sampler, Sampler] {
  const before = excluding(make(new Random(1)), OLD);
  for (let i = 0; i < 30; i++) before.draw(8, 60);
  const after = excluding(make(Random.at(before.position)), NEW);
  after.restore?.(before.checkpoint?.() ?? new Uint8Array());
  return [before, after];
}

describe("a sampler that is restored with other ranges to exclude", () => {
  it("keeps the counts of the positions that are left", () => {
    const uses = new Array<number>(80).fill(0);
    const counted = excluding(inverseCountSampler(new Random(1)), OLD);
    for (let i = 0; i < 30; i++) for (const at of counted.draw(8, 60)) uses[at]!++;
    const after = excluding(inverseCountSampler(Random.at(counted.position)), NEW);
    after.restore?.(counted.checkpoint?.() ?? new Uint8Array());
    const back = excluding(inverseCountSampler(new Random(1)), OLD);
    back.restore?.(after.checkpoint?.() ?? new Uint8Array());
    // The same sampler made by counting: those at the excluded positions are forgotten.
    const expected = uses.map((count, at) => (at >= 40 ? 0 : count));
    const plain = inverseCountSampler(new Random(1));
    plain.draw(0, 80);
    const left = Array.from({ length: 40 }, (_, at) => at).filter((at) => at < 5 || at >= 15);
    const bytes = [...(back.checkpoint?.() ?? [])];
    expect(bytes.slice(-left.length)).toEqual(left.map((at) => expected[at]));
  });

  it("walks on where it was", () => {
    const [before, after] = withMoreRanges(rollingSampler);
    const next = before.draw(1, 60)[0]!;
    const goesOn = next >= 40 ? 60 : next;
    expect(after.draw(1, 80)[0]).toBe(goesOn);
  });

  it("keeps of the reservoir what is left", () => {
    const before = excluding(reservoirSampler(new Random(1), 20), OLD);
    const kept = new Set(before.draw(20, 60));
    const after = excluding(reservoirSampler(Random.at(before.position), 20), NEW);
    after.restore?.(before.checkpoint?.() ?? new Uint8Array());
    const left = after.draw(20, 60);
    expect(left.length).toBeGreaterThan(5);
    for (const at of left) {
      expect(kept.has(at)).toBe(true);
      expect(at).toBeLessThan(40);
    }
  });
});
