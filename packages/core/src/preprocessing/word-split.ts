/**
 * How GPT-2 splits a text before pairs of bytes are merged: contractions, words, numbers and other
 * characters, each with one space before it, and runs of white space. White space is Unicode's, not
 * JavaScript's, which has U+FEFF and lacks U+0085.
 */
const BYTE_PAIR_WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** Words of letters and digits, and every other character but white space by itself. */
const PLAIN_WORDS = /[\p{L}\p{N}]+|[^\p{White_Space}\p{L}\p{N}]/gu;

/**
 * The parts of a text that byte pairs are merged in, one after another; together they are the text.
 * Which characters are letters follows from the Unicode version of the engine: characters that are
 * newer than it may be split differently.
 */
export function* bytePairWords(text: string): Generator<string, void, undefined> {
  for (const [word] of text.matchAll(BYTE_PAIR_WORDS)) yield word;
}

/** Words and signs of a text; A to Z become small letters, other letters stay as they are. */
export function* plainWords(text: string): Generator<string, void, undefined> {
  // Not toLowerCase() on all letters: its tables differ between engines.
  const lower = text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  for (const [word] of lower.matchAll(PLAIN_WORDS)) yield word;
}
