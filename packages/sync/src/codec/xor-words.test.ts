import { Random } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { CorruptUpdateError } from "../errors.ts";
import { BitReader } from "./bit-reader.ts";
import { BitWriter } from "./bit-writer.ts";
import { planXorWords, readXorWords, writeXorWords } from "./xor-words.ts";

const fail = (reason: string): CorruptUpdateError => new CorruptUpdateError(reason);
const words = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.nat({ max: 32 })))
  .map((list) => Uint32Array.from(list, ([word, zeros]) => (zeros === 32 ? 0 : word >>> zeros)));

describe("xor words", () => {
  it("come back as they were, in as many bits as was planned", () => {
    fc.assert(
      fc.property(words, (list) => {
        const plan = planXorWords(list);
        const writer = new BitWriter(0);
        writeXorWords(writer, list, plan);
        if (list.length > 0) expect(writer.bytes().length).toBe(Math.ceil(plan.bits / 8));
        const reader = new BitReader(writer.bytes(), fail);
        const target = new Uint32Array(list.length);
        readXorWords(reader, fail, plan, target);
        expect(target).toEqual(list);
      }),
      { numRuns: 500 },
    );
  });

  it("of values that moved by a thousandth take two thirds of their bytes", () => {
    const random = new Random(1);
    const before = Float32Array.from({ length: 1_000 }, () => random.normal());
    const after = before.map((value) => value * (1 + 1e-3 * random.normal()));
    const bits = new Uint32Array(before.buffer);
    const list = new Uint32Array(after.buffer).map((word, i) => word ^ bits[i]!);
    expect(planXorWords(list).bits / 32_000).toBeLessThan(0.68);
  });

  it("of an impossible length, or in an order that nobody writes, are refused", () => {
    const long = new BitWriter(0);
    long.unary(63);
    const read = (centre: number, order: number): void =>
      readXorWords(new BitReader(long.bytes(), fail), fail, { centre, order }, new Uint32Array(1));
    expect(() => read(20, 0)).toThrow("bits");
    expect(() => read(20, 6)).toThrow("order 6");
  });
});
