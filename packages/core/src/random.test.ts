import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { philox, Random, streamOf } from "./random.ts";

describe("philox", () => {
  // Known answers of Random123, the authors' own library (kat_vectors, philox4x32 10).
  it.each([
    [[0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      "d16cfe09 94fdcceb 5001e420 24126ea1",
    ],
  ] as const)("gives the known answer for counter %j and key %j", (counter, key, answer) => {
    const words = philox([...counter], [...key]);
    expect(words.map((word) => word.toString(16).padStart(8, "0")).join(" ")).toBe(answer);
  });

  it("agrees with the definition in whole numbers of any size", () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        expect(philox(counter, key)).toEqual(philoxInBigInts(counter, key));
      }),
    );
  });
});

describe("Random", () => {
  const seeds = fc.maxSafeNat();

  it("goes on from any stored position as if it had never stopped", () => {
    fc.assert(
      fc.property(seeds, seeds, fc.nat({ max: 40 }), (seed, stream, drawn) => {
        const random = new Random(seed, stream);
        for (let i = 0; i < drawn; i++) random.uint32();
        expect(random.position).toEqual({ seed, stream, drawn });
        const resumed = Random.at(random.position);
        expect(words(resumed, 10)).toEqual(words(random, 10));
        expect(resumed.position).toEqual(random.position);
      }),
    );
  });

  it("takes the position along through every kind of draw", () => {
    const random = new Random(4, 2);
    for (let i = 0; i < 50; i++) {
      random.float();
      random.below(1000 + i);
      random.normal();
      random.uniform(-1, 1);
      const twin = Random.at(JSON.parse(JSON.stringify(random.position)) as typeof random.position);
      expect(twin.normal()).toBe(Random.at(random.position).normal());
    }
  });

  it("reaches the far end of a stream and of the seeds", () => {
    const far = new Random(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 2 ** 52);
    const block = philox([0, 2 ** 18, 0xffffffff, 2 ** 21 - 1], [0xffffffff, 2 ** 21 - 1]);
    expect(words(far, 4)).toEqual(block);
  });

  it("gives unrelated numbers for other seeds and streams", () => {
    const drawn = [new Random(1), new Random(2), new Random(1, 1), new Random(2 ** 40 + 1)];
    expect(new Set(drawn.flatMap((random) => words(random, 100))).size).toBe(400);
  });

  it("draws whole numbers below a limit, each equally often", () => {
    for (const limit of [1, 2, 3, 10, 1000]) {
      const random = new Random(11);
      const perValue = 100;
      const counts = new Array<number>(limit).fill(0);
      for (let i = 0; i < limit * perValue; i++) counts[random.below(limit)]!++;
      const chi = counts.reduce((sum, n) => sum + (n - perValue) ** 2 / perValue, 0);
      // Mean limit − 1, variance 2 (limit − 1): five deviations are beyond chance.
      expect(Math.abs(chi - (limit - 1))).toBeLessThan(5 * Math.sqrt(2 * limit));
    }
  });

  it("does not favour small numbers where 2^32 is no multiple of the limit", () => {
    const limit = 3 * 2 ** 30;
    const random = new Random(12);
    let low = 0;
    for (let i = 0; i < 20_000; i++) if (random.below(limit) < 2 ** 30) low++;
    // With a bare remainder it would be one half.
    expect(Math.abs(low / 20_000 - 1 / 3)).toBeLessThan(0.02);
  });

  it("draws floats in [0, 1) with the moments of the uniform distribution", () => {
    const random = new Random(13);
    const values = Array.from({ length: 50_000 }, () => random.float());
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(Math.abs(mean(values) - 1 / 2)).toBeLessThan(0.007);
    expect(Math.abs(mean(values.map((value) => value ** 2)) - 1 / 3)).toBeLessThan(0.007);
    expect(new Set(values).size).toBe(values.length);
  });

  it("draws normal numbers with the given mean and deviation", () => {
    const random = new Random(14);
    const values = Array.from({ length: 50_000 }, () => random.normal(3, 2));
    const standard = values.map((value) => (value - 3) / 2);
    expect(Math.abs(mean(standard))).toBeLessThan(0.02);
    expect(Math.abs(mean(standard.map((value) => value ** 2)) - 1)).toBeLessThan(0.04);
    expect(Math.abs(mean(standard.map((value) => value ** 4)) - 3)).toBeLessThan(0.3);
  });

  it("refuses what is no seed, position or limit", () => {
    for (const bad of [-1, 0.5, NaN, 2 ** 53]) {
      expect(() => new Random(bad)).toThrow(RangeError);
      expect(() => new Random(0, bad)).toThrow(RangeError);
      expect(() => new Random(0, 0, bad)).toThrow(RangeError);
    }
    for (const bad of [0, -1, 1.5, NaN, 2 ** 32 + 1]) {
      expect(() => new Random(0).below(bad)).toThrow(RangeError);
    }
    expect(new Random(0).below(2 ** 32)).toBe(new Random(0).uint32());
  });
});

describe("streamOf", () => {
  it("is FNV-1a, with its published answers", () => {
    expect(streamOf("")).toBe(0x811c9dc5);
    expect(streamOf("a")).toBe(0xe40c292c);
    expect(streamOf("foobar")).toBe(0xbf9cf968);
  });
});

function words(random: Random, count: number): readonly number[] {
  return Array.from({ length: count }, () => random.uint32());
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Algorithm and constants as in section 3.3 of the paper. */
function philoxInBigInts(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): number[] {
  const mask = 0xffffffffn;
  let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map(BigInt) as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const product0 = 0xd2511f53n * c0;
    const product1 = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [
      (product1 >> 32n) ^ c1 ^ k0,
      product1 & mask,
      (product0 >> 32n) ^ c3 ^ k1,
      product0 & mask,
    ];
    k0 = (k0 + 0x9e3779b9n) & mask;
    k1 = (k1 + 0xbb67ae85n) & mask;
  }
  return [c0, c1, c2, c3].map(Number);
}
