import { ShapeError } from "../../errors.ts";
import { type Tokenizer, bytePairTokenizer } from "../byte-pair.ts";
import { type NumbersShape, vectorShape } from "../channels.ts";
import { murmurHashOf } from "../murmur-hash.ts";
import type { Encoder, HashedEncoder, OneHotEncoder, TokenEncoder } from "../pipeline.ts";
import { plainWords } from "../word-split.ts";

/** Texts of a sample's columns; null where one is missing. */
export type Texts = readonly (string | null)[];

/** An encoder that knows its columns. */
export interface PreparedEncoder {
  /** What it gives. */
  readonly output: NumbersShape;
  /** The numbers of a sample's texts, one for each column. */
  encode(texts: Texts): Float64Array;
}

/** Largest whole number that every one below it has a float32 of its own: ids stay exact. */
const IDS_MAX = 2 ** 24;

type Rules = {
  readonly [K in Encoder["kind"]]: (
    encoder: Extract<Encoder, { kind: K }>,
    columns: readonly string[],
  ) => PreparedEncoder;
};

const RULES: Rules = { oneHot, hashed, tokens };

/**
 * An encoder for these columns of text.
 * @throws ShapeError for one that cannot take them, or whose numbers cannot be
 */
export function prepareEncoder(encoder: Encoder, columns: readonly string[]): PreparedEncoder {
  const rule = RULES[encoder.kind] as (
    encoder: Encoder,
    columns: readonly string[],
  ) => PreparedEncoder;
  return rule(encoder, columns);
}

function oneHot(encoder: OneHotEncoder, columns: readonly string[]): PreparedEncoder {
  const { categories, other = false, missing = null } = encoder;
  if (categories.length !== columns.length || categories.some(({ length }) => length === 0)) {
    throw new ShapeError(
      `oneHot needs categories for each of ${columns.join(", ")}; it has ${categories.length} lists`,
    );
  }
  let size = 0;
  const places = categories.map((list, i) => {
    const placeOf = new Map(list.map((category, place) => [category, size + place]));
    if (placeOf.size !== list.length) {
      throw new ShapeError(`oneHot has a category of column "${columns[i] ?? ""}" twice`);
    }
    size += list.length + (other ? 1 : 0);
    return { placeOf, otherPlace: other ? size - 1 : -1 };
  });
  return {
    output: vectorShape(size),
    encode: (texts) => {
      const values = new Float64Array(size);
      for (const [i, { placeOf, otherPlace }] of places.entries()) {
        const text = texts[i] ?? missing;
        const place = text === null ? -1 : (placeOf.get(text) ?? otherPlace);
        if (place >= 0) values[place] = 1;
      }
      return values;
    },
  };
}

function hashed(encoder: HashedEncoder, columns: readonly string[]): PreparedEncoder {
  const { size, signed = true } = encoder;
  checkSize("hashed", size, 1);
  return {
    output: vectorShape(size),
    encode: (texts) => {
      const values = new Float64Array(size);
      for (const [i, text] of texts.entries()) {
        if (text === null) continue;
        const hash = murmurHashOf(`${columns[i] ?? ""}=${text}`);
        const place = Math.abs(hash) % size;
        values[place] = (values[place] ?? 0) + (signed && hash < 0 ? -1 : 1);
      }
      return values;
    },
  };
}

function tokens(encoder: TokenEncoder, columns: readonly string[]): PreparedEncoder {
  const { vocabulary, length, padding = 0 } = encoder;
  checkSize("tokens", length, 1);
  if (columns.length !== 1) {
    throw new ShapeError(`tokens takes one column of text, got ${columns.join(", ")}`);
  }
  const size = vocabulary.kind === "hashing" ? vocabulary.size : vocabulary.tokens.length;
  checkSize("tokens", size, 2);
  if (!Number.isSafeInteger(padding) || padding < 0 || padding >= IDS_MAX) {
    throw new ShapeError(`tokens needs a padding that is an id, got ${padding}`);
  }
  const tokenizer =
    vocabulary.kind === "hashing" ? hashingTokenizer(size) : bytePairTokenizer(vocabulary);
  return {
    output: vectorShape(length),
    encode: ([text]) => {
      const values = new Float64Array(length).fill(padding);
      values.set(tokenizer(text ?? "", length));
      return values;
    },
  };
}

function hashingTokenizer(size: number): Tokenizer {
  return (text, idsMax) => {
    const ids: number[] = [];
    for (const word of plainWords(text)) {
      if (ids.length >= idsMax) break;
      ids.push(1 + ((murmurHashOf(word) >>> 0) % (size - 1)));
    }
    return ids;
  };
}

function checkSize(what: string, size: number, least: number): void {
  if (Number.isSafeInteger(size) && size >= least && size <= IDS_MAX) return;
  throw new ShapeError(`${what} needs a whole number from ${least} to ${IDS_MAX}, got ${size}`);
}
