/** Kernels over the differences of two vectors: which are large, and how large they are. */
import type { AbsoluteType } from "@everfresh/core";
import {
  absoluteFloats,
  add,
  addFloats,
  addWords,
  and,
  andBits,
  anyBit,
  atLeastFloats,
  below,
  belowWords,
  chooseBits,
  type Code,
  get,
  lane,
  largerWords,
  loadVector,
  loadWord,
  or,
  orBits,
  repeatWhile,
  set,
  shiftLeft,
  shiftWordsLeft,
  shiftWordsRight,
  signBits,
  splatFloat,
  splatWord,
  storeVector,
  storeWord,
  subtract,
  subtractFloats,
  trailingZeros,
  type WasmFunction,
  when,
  whole,
} from "./wasm-module.ts";

/** Numbers that a kernel takes at a time; inputs are filled up with equal numbers to a multiple. */
export const GROUP = 16;
/** Bins of the histogram: the first 11 bits of a positive float32, without its sign. */
export const TOP_BINS = 2_048;
/** How far a word is shifted for its bin. */
export const TOP_SHIFT = 20;

const SIZE = 16; // bytes of a vector
const VECTORS = [0, 1, 2, 3];
const LANES = [0, 1, 2, 3];

/**
 * Rounds four float32 numbers to a type; what becomes infinite or is no number has all exponent
 * bits.
 */
type Rounding = (bits: Code, scratch: number) => Code;

const word = (value: number): Code => splatWord(whole(value));
const magnitudeOf = (bits: Code): Code => andBits(bits, word(0x7fffffff));
const EXPONENT = word(0x7f800000);
/** 0.75 as float32 bits: see roundAllToFloat16(). */
const THREE_QUARTERS = word(0x3f400000);

/** The same arithmetic as in rounding.ts, but for the sign of a zero. */
const ROUNDINGS: { readonly [T in AbsoluteType]: Rounding } = {
  float32: (bits) => bits,
  float16: (bits, scratch) => {
    const value = get(scratch);
    const even = andBits(shiftWordsRight(value, whole(13)), word(1));
    const normal = andBits(addWords(addWords(value, word(0xfff)), even), word(~0x1fff));
    const subnormal = subtractFloats(addFloats(value, THREE_QUARTERS), THREE_QUARTERS);
    const inRange = chooseBits(subnormal, normal, belowWords(magnitudeOf(value), word(0x38800000)));
    const finite = belowWords(magnitudeOf(value), word(0x477ff000));
    return [...set(scratch, bits), ...chooseBits(inRange, orBits(value, EXPONENT), finite)];
  },
  bfloat16: (bits, scratch) => {
    const value = get(scratch);
    const even = andBits(shiftWordsRight(value, whole(16)), word(1));
    const rounded = andBits(addWords(addWords(value, word(0x7fff)), even), word(~0xffff));
    const finite = belowWords(magnitudeOf(value), word(0x7f7f8000));
    return [...set(scratch, bits), ...chooseBits(rounded, orBits(value, EXPONENT), finite)];
  },
};

/**
 * Sixteen differences into four variables from `first` on; locals 0 and 1 are the two addresses.
 */
function differences(rounding: Rounding, first: number, scratch: number): Code {
  // d = |round(a) − b|
  return VECTORS.flatMap((i) =>
    set(
      first + i,
      absoluteFloats(
        subtractFloats(
          rounding(loadVector(get(0), i * SIZE), scratch),
          loadVector(get(1), i * SIZE),
        ),
      ),
    ),
  );
}

function forward(a: number, b: number): Code {
  return [...set(a, add(get(a), whole(4 * SIZE))), ...set(b, add(get(b), whole(4 * SIZE)))];
}

/**
 * collect(a, b, end, first, threshold, indices, words, scratch): for every i with
 * |round(a_i) − b_i| ≥ threshold > 0 writes `first` + i and the bits of that difference. Returns
 * how many; −1 when a difference is infinite or no number. `end` is where a ends.
 */
export function collectKernel(type: AbsoluteType): WasmFunction {
  const [a, b, end, first, threshold, indices, words, scratch] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [count, mask, at, d, highest, largest, level, rounded] = [8, 9, 10, 11, 15, 16, 17, 18];
  const reached = (i: number): Code => {
    const bits = signBits(atLeastFloats(get(d + i), get(level)));
    return i === 0 ? bits : shiftLeft(bits, whole(4 * i));
  };
  const emit = [
    ...set(at, trailingZeros(get(mask))),
    ...storeWord(add(get(indices), shiftLeft(get(count), whole(2))), add(get(first), get(at))),
    ...storeWord(
      add(get(words), shiftLeft(get(count), whole(2))),
      loadWord(add(get(scratch), shiftLeft(get(at), whole(2)))),
    ),
    ...set(count, add(get(count), whole(1))),
    ...set(mask, and(get(mask), subtract(get(mask), whole(1)))),
  ];
  const group = [
    ...differences(ROUNDINGS[type], d, rounded),
    // Bits of numbers from 0 on are in the order of the numbers.
    ...set(
      highest,
      largerWords(largerWords(get(d), get(d + 1)), largerWords(get(d + 2), get(d + 3))),
    ),
    ...set(largest, largerWords(get(largest), get(highest))),
    ...when(anyBit(atLeastFloats(get(highest), get(level))), [
      ...VECTORS.flatMap((i) => storeVector(get(scratch), get(d + i), i * SIZE)),
      ...set(mask, or(or(reached(0), reached(1)), or(reached(2), reached(3)))),
      ...repeatWhile(emit, get(mask)),
    ]),
    ...forward(a, b),
    ...set(first, add(get(first), whole(GROUP))),
  ];
  return {
    name: `collect-${type}`,
    parameters: ["i32", "i32", "i32", "i32", "f32", "i32", "i32", "i32"],
    variables: [
      ...(["i32", "i32", "i32"] as const),
      ...(["v128", "v128", "v128", "v128", "v128", "v128", "v128", "v128"] as const),
    ],
    code: [
      ...set(level, splatFloat(get(threshold))),
      ...repeatWhile(group, below(get(a), get(end))),
      ...orNotFinite(get(count), largest),
    ],
  };
}

/**
 * histogram(a, b, end, bins): counts the first 11 bits of every |round(a_i) − b_i| in 2,048 words.
 * Returns 0; −1 when a difference is infinite or no number.
 */
export function histogramKernel(type: AbsoluteType): WasmFunction {
  const [a, b, end, bins] = [0, 1, 2, 3];
  const [at, d, largest, rounded] = [4, 5, 9, 10];
  const count = (i: number): Code => [
    ...set(largest, largerWords(get(largest), get(d + i))),
    // The address of a bin: its number times four.
    ...set(d + i, shiftWordsLeft(shiftWordsRight(get(d + i), whole(TOP_SHIFT)), whole(2))),
    ...LANES.flatMap((n) => [
      ...set(at, add(get(bins), lane(get(d + i), n))),
      ...storeWord(get(at), add(loadWord(get(at)), whole(1))),
    ]),
  ];
  const group = [
    ...differences(ROUNDINGS[type], d, rounded),
    ...VECTORS.flatMap(count),
    ...forward(a, b),
  ];
  return {
    name: `histogram-${type}`,
    parameters: ["i32", "i32", "i32", "i32"],
    variables: ["i32", "v128", "v128", "v128", "v128", "v128", "v128"],
    code: [...repeatWhile(group, below(get(a), get(end))), ...orNotFinite(whole(0), largest)],
  };
}

/** `result`, or −1 when a lane of `largest` is infinite or no number. */
function orNotFinite(result: Code, largest: number): Code {
  const isNotFinite = anyBit(belowWords(word(0x7f7fffff), get(largest)));
  return or(result, subtract(whole(0), isNotFinite));
}
