import { Random, stateLayout } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { CorruptUpdateError } from "../errors.ts";
import { BitReader } from "./bit-reader.ts";
import { BitWriter } from "./bit-writer.ts";
import { statisticsOf, writeExpGolomb } from "./gap-codes.ts";
import { readPositions, smallestPlan } from "./index-coding.ts";
import { readIndices, writeIndices } from "./index-sections.ts";
import { drawIndices, FUZZ_LAYOUT, randomIndices } from "./update-fuzz.fixture.ts";

const fail = (reason: string): CorruptUpdateError => new CorruptUpdateError(reason);

/** Positions of every kind with the length of their section. */
const sections = fc
  .oneof(
    fc.tuple(fc.constant(2 ** 31), fc.uniqueArray(fc.nat({ max: 2 ** 31 - 1 }), { minLength: 1 })),
    fc.tuple(
      fc.constant(300),
      fc.uniqueArray(fc.nat({ max: 299 }), { minLength: 1, maxLength: 300, size: "max" }),
    ),
    fc
      .tuple(fc.nat({ max: 90_000 }), fc.integer({ min: 1, max: 400 }), fc.nat({ max: 30 }))
      .map(([first, count, rest]) => [
        first + count + rest,
        Array.from({ length: count }, (_, i) => first + i),
      ]),
    fc.array(fc.tuple(fc.nat({ max: 5_000 }), fc.nat({ max: 6 })), { minLength: 1 }).map((runs) => {
      const list: number[] = [];
      let next = 0;
      for (const [gap, longer] of runs) {
        next += gap;
        for (let i = 0; i <= longer; i++) list.push(next++);
      }
      return [next, list];
    }),
  )
  .map(([length, list]) => ({
    length: length as number,
    positions: Uint32Array.from(list as number[]).sort(),
  }));

describe("the coding of a section's positions", () => {
  it("gives them back, in as many bits as it said", () => {
    const seen = new Set<number>();
    fc.assert(
      fc.property(sections, ({ positions, length }) => {
        const gaps = gapsOf(positions);
        const plan = smallestPlan({ positions, gaps, statistics: statisticsOf(gaps), length });
        const writer = new BitWriter(0);
        plan.write(writer);
        expect(writer.bytes().length).toBe(Math.ceil(plan.bits / 8));
        const reader = new BitReader(writer.bytes(), fail);
        const target = new Uint32Array(positions.length);
        readPositions(reader, fail, { ...plan, length }, target);
        expect(target).toEqual(positions);
        expect(reader.end()).toBe(writer.bytes().length);
        seen.add(plan.code);
      }),
      { numRuns: 600 },
    );
    expect([...seen].sort()).toEqual(expect.arrayContaining([0, 4, 5]));
  });

  it("is never longer than Rice, Elias-Fano, bitmap, varint or dense codes would be", () => {
    fc.assert(
      fc.property(sections, ({ positions, length }) => {
        const gaps = gapsOf(positions);
        const { bits } = smallestPlan({ positions, gaps, statistics: statisticsOf(gaps), length });
        const count = positions.length;
        let varint = 0;
        for (const gap of gaps) varint += 8 * Math.max(1, Math.ceil((32 - Math.clz32(gap)) / 7));
        const others = [varint, length, count === length ? 0 : Infinity];
        for (let low = 0; low < 32; low++) {
          others.push(count * (low + 1) + Math.floor(length / 2 ** low));
          others.push(gaps.reduce((sum, gap) => sum + Math.floor(gap / 2 ** low) + 1 + low, 0));
        }
        expect(bits).toBeLessThanOrEqual(Math.min(...others));
      }),
      { numRuns: 600 },
    );
  });

  it("of each kind is the smallest for something", () => {
    const random = new Random(9);
    const scattered = drawIndices(random, 100_000, 1_000);
    const mean6 = drawIndices(random, 70_000, 10_000);
    const heavy: number[] = [];
    const bounded: number[] = [];
    for (let i = 0, at = 0, end = 0; i < 400; i++) {
      heavy.push((at += 1 + Math.floor(2 ** (random.float() * 18))));
      bounded.push((end += i % 9 === 8 ? 2_000_000 + random.below(90_000) : 1 + random.below(120)));
    }
    const all = Uint32Array.from({ length: 500 }, (_, i) => i);
    const runs = all.map((i) => Math.floor(i / 50) * 1_000 + (i % 50));
    const code = (positions: Uint32Array, length = (positions.at(-1) ?? 0) + 2): number => {
      const gaps = gapsOf(positions);
      return smallestPlan({ positions, gaps, statistics: statisticsOf(gaps), length }).code;
    };
    expect(code(scattered.filter((_, i) => i < 3))).toBe(0);
    expect([code(mean6), code(Uint32Array.from(heavy)), code(Uint32Array.from(bounded))]).toEqual([
      1, 2, 3,
    ]);
    expect([code(runs), code(all), code(all.filter((i) => i % 40 > 0))]).toEqual([4, 5, 5]);
  });

  it("refuses more positions than a section is long, whatever the coding", () => {
    for (let code = 0; code < 8; code++) {
      const zeros = new BitReader(new Uint8Array(64), fail);
      const head = { code, parameter: 0, length: 10 };
      const target = new Uint32Array(11);
      expect(() => readPositions(zeros, fail, head, target)).toThrow(CorruptUpdateError);
    }
  });
});

describe("sections", () => {
  it("give back any indices of a layout", () => {
    const random = new Random(1);
    for (let round = 0; round < 400; round++) {
      const indices = randomIndices(random, FUZZ_LAYOUT);
      if (indices.length === 0) continue;
      const writer = new BitWriter(0);
      writeIndices(writer, FUZZ_LAYOUT, indices);
      const reader = new BitReader(writer.bytes(), fail);
      expect(readIndices(reader, fail, FUZZ_LAYOUT, indices.length)).toEqual(indices);
      expect(reader.end()).toBe(writer.bytes().length);
    }
  });

  it("are split where layers differ, and are one where they do not", () => {
    const layout = stateLayout(
      [100_000, 1_000, 100_000].map((length, i) => ({
        name: `p${i}`,
        role: "parameter",
        dtype: "float32",
        shape: [length],
      })),
    );
    const random = new Random(3);
    const same = drawIndices(random, 201_000, 500);
    const other = drawIndices(random, 1_000, 500).map((index) => index + 100_000);
    expect(sectionsOf(layout, same)).toBe(1);
    expect(sectionsOf(layout, Uint32Array.of(5, 70_000, ...other, 190_000))).toBe(3);
  });

  it("are refused when they are wider than their entries, or name a buffer", () => {
    // One section with Rice codes over the first two tensors, whose one entry is in the first.
    const wide = new BitWriter(0);
    writeExpGolomb(wide, 0, 0);
    wide.bits(4 << 3, 8);
    writeExpGolomb(wide, 0, 0);
    writeExpGolomb(wide, 1, 0);
    wide.unary(0);
    wide.bits(7, 4);
    const reading = (writer: BitWriter): Uint32Array =>
      readIndices(new BitReader(writer.bytes(), fail), fail, FUZZ_LAYOUT, 1);
    expect(() => reading(wide)).toThrow("wider than its entries");
    const buffer = new BitWriter(0);
    writeExpGolomb(buffer, 0, 0);
    buffer.bits(0, 8);
    writeExpGolomb(buffer, 5, 0);
    buffer.bits(0, 16);
    expect(() => reading(buffer)).toThrow("tensor 5 is not a parameter");
  });
});

function gapsOf(positions: Uint32Array): Uint32Array {
  return positions.map((position, i) => position - (i === 0 ? 0 : positions[i - 1]! + 1));
}

function sectionsOf(layout: typeof FUZZ_LAYOUT, indices: Uint32Array): number {
  const writer = new BitWriter(0);
  writeIndices(writer, layout, indices);
  const ones = new BitReader(writer.bytes(), fail);
  const width = ones.unary(31);
  return 2 ** width + ones.bits(width);
}
