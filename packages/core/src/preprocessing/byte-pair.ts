import { ShapeError } from "../errors.ts";
import { bytePairWords } from "./word-split.ts";

/**
 * A byte-pair vocabulary as GPT-2 has it: plain data, read from a file by {@link bytePairOf}.
 * Sennrich, Haddow, Birch: "Neural machine translation of rare words with subword units" (2016).
 */
export interface BytePairVocabulary {
  readonly kind: "bytePair";
  /** Every token at the place of its id, each byte written as GPT-2's letter for it. */
  readonly tokens: readonly string[];
  /** Two tokens and a space between them; earlier ones are merged first. */
  readonly merges: readonly string[];
  /** Whether a text that does not begin with a space is given one. */
  readonly prefixSpace: boolean;
}

/** Words whose ids are kept; the oldest goes when another one comes. */
const WORDS_KEPT_MAX = 16_384;

/** Gives texts as ids of tokens. */
export type Tokenizer = (text: string, idsMax: number) => readonly number[];

/**
 * The tokenizer of a vocabulary.
 * @throws ShapeError for a vocabulary with a merge, or a byte, that is no token
 */
export function bytePairTokenizer(vocabulary: BytePairVocabulary): Tokenizer {
  const { tokens, merges, prefixSpace } = vocabulary;
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const rankOf = new Map(merges.map((pair, rank) => [pair, rank]));
  for (const pair of merges) {
    if (pair.split(" ").length !== 2 || !idOf.has(pair.replace(" ", ""))) {
      throw new ShapeError(`Byte-pair vocabulary merges "${pair}", which is none of its tokens`);
    }
  }
  const letters = byteLetters();
  const absent = letters.findIndex((letter) => !idOf.has(letter));
  if (absent >= 0) throw new ShapeError(`Byte-pair vocabulary has no token for byte ${absent}`);
  const kept = new Map<string, readonly number[]>();
  const idsOf = (word: string): readonly number[] => {
    const known = kept.get(word);
    if (known !== undefined) return known;
    const parts = Array.from(new TextEncoder().encode(word), (byte) => letters[byte] ?? "");
    const ids = mergedParts(parts, rankOf).map((part) => idOf.get(part) ?? 0);
    const [oldest] = kept.keys();
    if (kept.size >= WORDS_KEPT_MAX && oldest !== undefined) kept.delete(oldest);
    kept.set(word, ids);
    return ids;
  };
  return (text, idsMax) => {
    const ids: number[] = [];
    const isPrefixed = prefixSpace && text !== "" && !text.startsWith(" ");
    for (const word of bytePairWords(isPrefixed ? ` ${text}` : text)) {
      for (const id of idsOf(word)) ids.push(id);
      if (ids.length >= idsMax) break;
    }
    return ids.slice(0, idsMax);
  };
}

/**
 * A vocabulary from files: `tokenizer.json` of Hugging Face's tokenizers, or GPT-2's `vocab.json` and
 * `merges.txt`.
 * @throws ShapeError for text that is no byte-level byte-pair vocabulary
 */
export function bytePairOf(vocabulary: string, merges?: string): BytePairVocabulary {
  const json = recordOf(parsed(vocabulary), "file");
  if (merges !== undefined) {
    const lines = merges
      .split(/\r?\n/)
      .filter((line) => line !== "" && !line.startsWith("#version"));
    return { kind: "bytePair", tokens: tokensOf(json), merges: lines, prefixSpace: false };
  }
  const model = recordOf(json["model"], "model");
  const splitting = recordOf(json["pre_tokenizer"], "pre_tokenizer");
  const isPlain = [undefined, null, ""];
  const isByteLevel =
    model["type"] === "BPE" &&
    splitting["type"] === "ByteLevel" &&
    splitting["use_regex"] !== false &&
    !json["normalizer"] &&
    isPlain.some((empty) => empty === model["continuing_subword_prefix"]) &&
    isPlain.some((empty) => empty === model["end_of_word_suffix"]);
  if (!isByteLevel || !Array.isArray(model["merges"])) {
    throw new ShapeError(
      "The vocabulary is not byte-level BPE without a normaliser, as GPT-2's; give one that is",
    );
  }
  const pairs = model["merges"].map((pair: unknown) =>
    Array.isArray(pair) ? pair.join(" ") : String(pair),
  );
  const prefixSpace = splitting["add_prefix_space"] === true;
  const tokens = tokensOf(recordOf(model["vocab"], "vocab"));
  return { kind: "bytePair", tokens, merges: pairs, prefixSpace };
}

/** Tokens by id, of which none may be missing. */
function tokensOf(vocab: Readonly<Record<string, unknown>>): readonly string[] {
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(vocab)) tokens[Number(id)] = token;
  const count = Object.keys(vocab).length;
  if (count === 0 || tokens.length !== count || Object.keys(tokens).length !== count) {
    throw new ShapeError(`The vocabulary's ${count} tokens do not have the ids 0 to ${count - 1}`);
  }
  return tokens;
}

/** Merges the pair of lowest rank wherever it is, from the left, until there is none. */
function mergedParts(
  parts: readonly string[],
  rankOf: ReadonlyMap<string, number>,
): readonly string[] {
  let now = parts;
  while (now.length > 1) {
    let best = Infinity;
    for (let i = 0; i + 1 < now.length; i++) {
      best = Math.min(best, rankOf.get(`${now[i] ?? ""} ${now[i + 1] ?? ""}`) ?? Infinity);
    }
    if (best === Infinity) break;
    const next: string[] = [];
    for (let i = 0; i < now.length; i++) {
      const [left, right] = [now[i] ?? "", now[i + 1]];
      const merges = right !== undefined && rankOf.get(`${left} ${right}`) === best;
      next.push(merges ? left + right : left);
      if (merges) i++;
    }
    now = next;
  }
  return now;
}

/** GPT-2's letter for every byte: itself where it can be seen, else the next one from U+0100 on. */
function byteLetters(): readonly string[] {
  let unseen = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isSeen = (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
    return String.fromCodePoint(isSeen ? byte : unseen++);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ShapeError(`The vocabulary is not JSON (${String(error)})`);
  }
}

function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new ShapeError(`The vocabulary has no object "${what}"; give a tokenizer.json`);
}
