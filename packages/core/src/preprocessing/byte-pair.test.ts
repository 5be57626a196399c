import { describe, expect, it } from "vitest";
import { ShapeError } from "../errors.ts";
import { bytePairOf, bytePairTokenizer, type BytePairVocabulary } from "./byte-pair.ts";

/** GPT-2's letters of all bytes. */
const LETTERS = Array.from({ length: 256 }, (_, byte) => byte).reduce<{
  all: string[];
  next: number;
}>(
  ({ all, next }, byte) => {
    const isSeen = (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
    return {
      all: [...all, String.fromCodePoint(isSeen ? byte : next)],
      next: next + (isSeen ? 0 : 1),
    };
  },
  { all: [], next: 256 },
).all;

const SMALL: BytePairVocabulary = {
  kind: "bytePair",
  tokens: [...LETTERS, "ab", "abab", "Ġab"],
  merges: ["a b", "ab ab", "Ġ ab"],
  prefixSpace: false,
};

describe("a byte-pair tokenizer", () => {
  it("merges the earliest pair first, wherever it is", () => {
    const tokenizer = bytePairTokenizer(SMALL);
    expect(tokenizer("ababab", 9)).toEqual([257, 256]);
    expect(tokenizer("a ab", 9)).toEqual([LETTERS.indexOf("a"), 258]);
  });

  it("gives every text ids, as every byte is a token", () => {
    expect(bytePairTokenizer(SMALL)("\u0000é", 9)).toEqual([0, 0xc3, 0xa9]);
  });

  it("goes on giving the right ids for more words than it keeps", () => {
    const tokenizer = bytePairTokenizer(SMALL);
    const first = tokenizer("ab0", 9);
    for (let i = 1; i < 17_000; i++) tokenizer(`w${i}`, 9);
    expect(tokenizer("ab0", 9)).toEqual(first);
  });

  it("refuses merges and bytes that are no tokens", () => {
    expect(() => bytePairTokenizer({ ...SMALL, merges: ["x y"] })).toThrow(ShapeError);
    expect(() => bytePairTokenizer({ ...SMALL, merges: ["ab"] })).toThrow(ShapeError);
    expect(() => bytePairTokenizer({ ...SMALL, tokens: SMALL.tokens.slice(1) })).toThrow("byte 0");
  });
});

describe("a vocabulary file", () => {
  it("is refused when it is something else", () => {
    const model = { type: "BPE", vocab: { a: 0 }, merges: [] };
    const splitting = { type: "ByteLevel", add_prefix_space: false };
    for (const json of [
      "{",
      "[]",
      "{}",
      JSON.stringify({ model: { ...model, type: "WordPiece" }, pre_tokenizer: splitting }),
      JSON.stringify({ model, pre_tokenizer: { type: "Whitespace" } }),
      JSON.stringify({ model, pre_tokenizer: splitting, normalizer: { type: "NFC" } }),
      JSON.stringify({ model: { ...model, vocab: { a: 1 } }, pre_tokenizer: splitting }),
      JSON.stringify({ model: { ...model, vocab: {} }, pre_tokenizer: splitting }),
    ]) {
      expect(() => bytePairOf(json)).toThrow(ShapeError);
    }
    expect(bytePairOf(JSON.stringify({ model, pre_tokenizer: splitting })).tokens).toEqual(["a"]);
  });
});
