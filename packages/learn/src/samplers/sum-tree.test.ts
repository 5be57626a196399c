import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SumTree } from "./sum-tree.ts";

const weights = fc.array(
  fc.oneof(fc.constant(0), fc.double({ min: 1e-12, max: 1e12, noNaN: true })),
  {
    minLength: 1,
    maxLength: 70,
  },
);

describe("a sum tree", () => {
  it("is the same whatever its weights were before, to the last bit", () => {
    fc.assert(
      fc.property(weights, weights, fc.func(fc.nat()), (last, first, order) => {
        const used = new SumTree();
        first.forEach((weight, slot) => used.set(slot % last.length, weight));
        const slots = last.map((_, slot) => slot).sort((a, b) => order(a) - order(b));
        for (const slot of slots) used.set(slot, last[slot]!);
        const fresh = new SumTree();
        fresh.setRange(0, last.length, (slot) => last[slot]!);
        expect(used.total).toBe(fresh.total);
        for (let at = 0; at < 1; at += 1 / 64) {
          if (fresh.total > 0) {
            expect(used.slotAt(at * fresh.total)).toBe(fresh.slotAt(at * fresh.total));
          }
        }
      }),
    );
  });

  it("finds the slot in whose part of the line a point lies", () => {
    const whole = fc.array(fc.nat(50), { minLength: 1, maxLength: 70 });
    fc.assert(
      fc.property(whole, (line) => {
        const tree = new SumTree();
        tree.setRange(0, line.length, (slot) => line[slot]!);
        let end = 0;
        line.forEach((weight, slot) => {
          for (let at = 0; at < weight; at++) expect(tree.slotAt(end + at)).toBe(slot);
          end += weight;
        });
        expect(tree.total).toBe(end);
      }),
    );
  });

  it("never gives a slot without weight, at the ends of the line either", () => {
    fc.assert(
      fc.property(weights, (line) => {
        fc.pre(line.some((weight) => weight > 0));
        const tree = new SumTree();
        line.forEach((weight, slot) => tree.set(slot, weight));
        for (const at of [0, 0.5, 1 - 2 ** -53, 1]) {
          expect(line[tree.slotAt(at * tree.total)]).toBeGreaterThan(0);
        }
      }),
    );
  });

  it("does not drift when weights go and come back 200,000 times", () => {
    const tree = new SumTree();
    tree.setRange(0, 1_000, (slot) => 1 / (1 + slot));
    const { total } = tree;
    for (let i = 0; i < 200_000; i++) {
      const slot = (i * 7_919) % 1_000;
      const weight = tree.weight(slot);
      tree.set(slot, 0);
      tree.set(slot, weight);
    }
    expect(tree.total).toBe(total);
  });
});
