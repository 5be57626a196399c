import { isSendable, roundTo } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Comparison, DifferenceScan } from "./difference-scan.ts";

const TYPES = ["float32", "float16", "bfloat16"] as const;
const SMALLEST = 2 ** -149;

const scan = DifferenceScan.open()!;

// Every kind of number, many of them equal, so that differences of 0 and ties are common.
const number = fc.oneof(
  fc.constantFrom(
    0,
    -0,
    1,
    -1,
    1 + 2 ** -12,
    2 ** -149,
    -(2 ** -149),
    2 ** -126,
    6e-8,
    3e-5,
    65_519,
  ),
  fc.float({ noNaN: true, noDefaultInfinity: true, min: -60_000, max: 60_000 }),
  fc.integer({ min: 0, max: 0xffffffff }).map((bits) => {
    const value = new Float32Array(Uint32Array.of(bits).buffer)[0]!;
    return Math.abs(value) < 65_504 ? value : 0;
  }),
);

function naive({ type, wanted, present, from, to }: Comparison): Float32Array {
  return Float32Array.from({ length: to - from }, (_, i) =>
    Math.abs(roundTo(type, wanted[from + i]!) - present[from + i]!),
  );
}

/** The same vectors in WebAssembly memory, some words from where that begins. */
function inMemory(comparison: Comparison, shared: readonly [boolean, boolean]): Comparison {
  const place = (values: Float32Array, at: number, isShared: boolean) => {
    const pages = Math.ceil((4 * (at + values.length)) / 65_536);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: isShared });
    // What is around the vector must not count.
    new Float32Array(memory.buffer).fill(1e9);
    const vector = new Float32Array(memory.buffer, 4 * at, values.length);
    vector.set(values);
    return { memory, vector };
  };
  const wanted = place(comparison.wanted, 3, shared[0]);
  const present = place(comparison.present, 70, shared[1]);
  return {
    ...comparison,
    wanted: wanted.vector,
    present: present.vector,
    memories: { wanted: wanted.memory, present: present.memory },
  };
}

function collected(comparison: Comparison, threshold: number): readonly (readonly number[])[] {
  const found: (readonly number[])[] = [];
  const isFinite = scan.collect(comparison, threshold, (indices, words) => {
    const values = new Float32Array(words.slice().buffer);
    indices.forEach((index, i) => found.push([index, values[i]!]));
    return threshold;
  });
  expect(isFinite).toBe(true);
  return found;
}

describe("the scan of differences", () => {
  it("finds what plain loops find, for every type, range and threshold", () => {
    const pairs = fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 120 });
    const threshold = fc.oneof(
      fc.constantFrom(SMALLEST, 1e-30, 1, 100),
      fc.float({ min: SMALLEST }),
    );
    fc.assert(
      fc.property(pairs, fc.constantFrom(...TYPES), threshold, fc.nat(), (all, type, t, cut) => {
        const wanted = Float32Array.from(all, ([a]) => a);
        const present = Float32Array.from(all, ([, b]) => b);
        const from = cut % wanted.length;
        const comparison = { type, wanted, present, from, to: wanted.length };
        const level = Number.isNaN(t) ? 1 : Math.fround(t);
        const expected = [...naive(comparison)]
          .map((difference, i) => [from + i, difference] as const)
          .filter(([, difference]) => difference >= level);
        expect(collected(comparison, level)).toEqual(expected);
        const place = [(cut & 1) === 0, (cut & 2) === 0] as const;
        expect(collected(inMemory(comparison, place), level)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it.each(TYPES)("rounds to %s as core does, beside ties and at both ends", (type) => {
    const words: number[] = [];
    for (let high = 0; high < 0x7f80; high += 61) {
      for (const low of [0, 1, 0xfff, 0x1000, 0x1001, 0x2fff, 0x3000, 0x7fff, 0x8000, 0x8001]) {
        words.push(high * 65_536 + low);
      }
    }
    for (let word = 0x33000000; word < 0x38900000; word += 0x777) words.push(word);
    const all = new Float32Array(
      Uint32Array.from(words.flatMap((w) => [w, w | 0x80000000])).buffer,
    );
    const wanted = all.filter((value) => isSendable(type, roundTo(type, value)));
    const present = new Float32Array(wanted.length);
    const comparison = { type, wanted, present, from: 0, to: wanted.length };
    const differences = naive(comparison);
    const expected = [...differences.keys()].filter((i) => differences[i] !== 0);
    const found = collected(comparison, SMALLEST);
    expect(found.map(([index]) => index)).toEqual(expected);
    expect(found.every(([index, value]) => differences[index!] === value)).toBe(true);
  });

  it.each([16_383, 16_384, 16_385, 16_400, 40_000])(
    "goes on from piece to piece: %i numbers",
    (length) => {
      const wanted = new Float32Array(new SharedArrayBuffer(4 * length));
      wanted.forEach((_, i) => (wanted[i] = Math.sin(i)));
      const present = new Float32Array(length);
      const comparison = { type: "float32" as const, wanted, present, from: 0, to: length };
      const expected = [...wanted.keys()].filter((i) => Math.abs(wanted[i]!) >= 0.999);
      const found = expected.filter((i) => Math.abs(wanted[i]!) >= Math.fround(0.999));
      for (const each of [comparison, inMemory(comparison, [true, true])]) {
        expect(collected(each, Math.fround(0.999)).map(([index]) => index)).toEqual(found);
      }
    },
  );

  it.each(["float16", "bfloat16"] as const)(
    "finds what only rounding to %s lifts over the threshold, however large it is",
    (type) => {
      // Halfway between two neighbours, where rounding does most; most of them go up.
      const half = type === "float16" ? 0x1000 : 0x8000;
      const words: number[] = [];
      for (let word = 0x00800000; word < 0x47000000; word += 0x1357) {
        words.push((word & ~(2 * half - 1)) | half | 1);
      }
      const wanted = new Float32Array(Uint32Array.from(words).buffer);
      const present = new Float32Array(wanted.length);
      for (let at = 0; at < wanted.length; at += 997) {
        // The threshold is what rounding makes of the difference, not what that is before.
        const threshold = Math.abs(roundTo(type, wanted[at]!));
        if (threshold === 0) continue;
        const one = { type, wanted: wanted.subarray(at, at + 1), present, from: 0, to: 1 };
        expect(collected(one, threshold)).toEqual([[0, threshold]]);
      }
    },
  );

  it("goes by another threshold from the next piece on", () => {
    const wanted = new Float32Array(40_000).fill(1);
    wanted[20_000] = 2;
    wanted[39_999] = 3;
    const comparison = {
      type: "float32" as const,
      wanted,
      present: new Float32Array(40_000),
      from: 0,
      to: 40_000,
    };
    const counts: number[] = [];
    scan.collect(comparison, 0.5, (indices) => {
      counts.push(indices.length);
      return counts.length + 1;
    });
    expect(counts).toEqual([16_384, 1, 1]);
  });

  it.each([
    ["a NaN", "float32", NaN, 0],
    ["an infinity", "float32", -Infinity, 0],
    ["a difference beyond float32", "float32", 3e38, -3e38],
    ["a NaN with all bits", "bfloat16", new Float32Array(Uint32Array.of(0x7fffffff).buffer)[0]!, 0],
    ["what rounds to infinity in float16", "float16", 65_520, 65_504],
    ["what rounds to infinity in bfloat16", "bfloat16", -3.4e38, 0],
  ] as const)("tells %s", (_what, type, value, old) => {
    for (const at of [0, 15, 17, 99]) {
      const [wanted, present] = [new Float32Array(100), new Float32Array(100)];
      wanted[at] = value;
      present[at] = old;
      const comparison = { type, wanted, present, from: 0, to: 100 };
      expect(scan.collect(comparison, 1, () => 1)).toBe(false);
      expect(scan.collect(inMemory(comparison, [true, false]), 1, () => 1)).toBe(false);
    }
  });
});
