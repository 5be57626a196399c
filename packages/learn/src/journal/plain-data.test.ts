import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePlainData, encodePlainData } from "./plain-data.ts";

const leaf = fc.oneof(
  fc.double(),
  fc.constantFrom(-0, Number.NaN, Infinity, -Infinity, Number.MAX_SAFE_INTEGER),
  fc.string(),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 20 }),
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

  it("leaves out what is undefined", () => {
    expect(decodePlainData(encodePlainData({ a: 1, b: undefined }))).toStrictEqual({ a: 1 });
  });
});
