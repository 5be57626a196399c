/**
 * Words of 32 bits whose upper bits are mostly zero, as the xor of a float32 with its successor. A
 * word of L bits without its leading zeros travels as
 *
 *   Rice(q) of zigzag(c − L), where zigzag(d) = 2d for d ≥ 0 and −2d − 1 below;  then its L − 1 low bits
 *
 * with c and q for all words: c about the usual length, q by how much the lengths vary.
 */
import { BitReader } from "./bit-reader.ts";
import { BitWriter } from "./bit-writer.ts";
import type { ByteReader, Failure } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { unzigzag, zigzag } from "./gap-codes.ts";

/** Lengths that differ from the usual one by more than a few pay no larger code. */
const ORDER_MAX = 5;

/** How the words travel. */
export interface XorPlan {
  /** Usual length, 1 to 32. */
  readonly centre: number;
  /** Rice parameter of what a length differs from it, 0 to 5. */
  readonly order: number;
  /** Of all words. */
  readonly bits: number;
}

/** The plan with the fewest bits, the first of equals. */
export function planXorWords(words: Uint32Array): XorPlan {
  const counts = new Uint32Array(33);
  let low = 0;
  for (let i = 0; i < words.length; i++) {
    const length = 32 - Math.clz32(words[i] ?? 0);
    counts[length] = (counts[length] ?? 0) + 1;
    low += length > 0 ? length - 1 : 0;
  }
  let best: XorPlan = { centre: 1, order: 0, bits: Infinity };
  for (let centre = 1; centre <= 32; centre++) {
    for (let order = 0; order <= ORDER_MAX; order++) {
      let bits = low;
      for (let length = 0; length <= 32; length++) {
        bits += (counts[length] ?? 0) * ((zigzag(centre - length) >>> order) + 1 + order);
      }
      if (bits < best.bits) best = { centre, order, bits };
    }
  }
  return best;
}

/** Writes all words. */
export function writeXorWords(writer: BitWriter, words: Uint32Array, plan: XorPlan): void {
  const { centre, order } = plan;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? 0;
    const length = 32 - Math.clz32(word);
    const difference = zigzag(centre - length);
    writer.unary(difference >>> order);
    writer.bits(difference & ((1 << order) - 1), order);
    if (length > 1) writer.bits((word & ~(1 << (length - 1))) >>> 0, length - 1);
  }
}

/** Reads words into all of `target`. Throws what `fail` makes for a word of no possible length. */
export function readXorWords(
  reader: BitReader,
  fail: Failure,
  { centre, order }: Omit<XorPlan, "bits">,
  target: Uint32Array,
): void {
  if (order > ORDER_MAX) throw fail(`xor words have order ${order}`);
  for (let i = 0; i < target.length; i++) {
    const difference = (reader.unary(64) << order) + reader.bits(order);
    const length = centre - unzigzag(difference);
    if (length < 0 || length > 32) throw fail(`a xor word has ${length} bits`);
    target[i] = length === 0 ? 0 : 2 ** (length - 1) + reader.bits(length - 1);
  }
}

/** Five bits of the usual length − 1, then three of the order: this when the words are as they are. */
const RAW_ORDER = 7;

/** Writes the head, then all words in the form that takes fewer bytes; nothing without words. */
export function writeXor(writer: ByteWriter, words: Uint32Array): void {
  if (words.length === 0) return;
  const plan = planXorWords(words);
  if (Math.ceil(plan.bits / 8) >= words.byteLength) {
    writer.u8(RAW_ORDER << 5);
    writer.raw(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
    return;
  }
  writer.u8((plan.centre - 1) | (plan.order << 5));
  const bits = new BitWriter(Math.ceil(plan.bits / 8));
  writeXorWords(bits, words, plan);
  writer.raw(bits.bytes());
}

/** Reads what {@link writeXor} writes, into memory of its own. */
export function readXor(
  reader: ByteReader,
  fail: Failure,
  count: number,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(count);
  if (count === 0) return words;
  const head = reader.u8();
  if (head >>> 5 === RAW_ORDER) {
    if (head !== RAW_ORDER << 5) throw fail(`xor words have head ${head}`);
    new Uint8Array(words.buffer).set(reader.raw(count * 4));
    return words;
  }
  const bits = new BitReader(reader.rest(), fail);
  readXorWords(bits, fail, { centre: (head & 31) + 1, order: head >>> 5 }, words);
  reader.raw(bits.end());
  return words;
}
