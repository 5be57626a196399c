import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePlainData, encodePlainData } from "./plain-data.ts";

const longOf = (each: fc.Arbitrary<number>): fc.Arbitrary<number[]> =>
  fc.array(each, { minLength: 30, maxLength: 40, size: "max" });

const leaf = fc.oneof(
  fc.double(),
  fc.constantFrom(-0, Number.NaN, Infinity, -Infinity, Number.MAX_SAFE_INTEGER),
  fc.string(),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 20 }),
  // Long ones, by what their numbers need.
  longOf(fc.nat({ max: 255 })),
  longOf(fc.integer()),
  longOf(fc.oneof(fc.integer(), fc.constantFrom(-0, 2 ** 31, -(2 ** 31) - 1))),
  longOf(fc.double()),
);
const { data } = fc.letrec<{ data: unknown }>((tie) => ({
  data: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie("data"), { maxLength: 5 }),
    fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), tie("data"), { noNullPrototype: true }),
  ),
}));

describe("plain data", () => {
  it("comes back from its bytes as it was, to the last bit", () => {
    fc.assert(
      fc.property(data, (value) => {
        expect(decodePlainData(encodePlainData(value))).toStrictEqual(value);
      }),
    );
  });

  it("comes back from bytes that lie anywhere in a buffer", () => {
    const value = { a: Uint8Array.of(1, 2), b: [Uint8Array.of(), -0], c: { d: Uint8Array.of(9) } };
    const bytes = encodePlainData(value);
    const buffer = new Uint8Array(bytes.length + 7);
    buffer.set(bytes, 3);
    expect(decodePlainData(buffer.subarray(3, 3 + bytes.length))).toStrictEqual(value);
  });

  it("takes eight bytes at most for each number of a long array, and one where that is enough", () => {
    const doubles = Array.from({ length: 1_000 }, (_, i) => Math.sqrt(i));
    expect(encodePlainData({ doubles }).byteLength).toBeLessThan(8_100);
    const flags = doubles.map((_, i) => i % 2);
    expect(encodePlainData({ flags }).byteLength).toBeLessThan(1_100);
  });

  it("leaves out what is undefined", () => {
    expect(decodePlainData(encodePlainData({ a: 1, b: undefined }))).toStrictEqual({ a: 1 });
  });
});
