/** Kernels over the differences of two vectors: which are large, and how large they are. */
import type { AbsoluteType } from "@everfresh/core";
import type { Code, KernelFunction, ValueKind } from "@everfresh/core/wasm";
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
  get,
  largerWords,
  loadVector,
  loadWord,
  multiplyFloats,
  or,
  orBits,
  repeatWhile,
  set,
  shiftLeft,
  shiftWordsRight,
  signBits,
  single,
  splatFloat,
  splatWord,
  storeVector,
  storeWord,
  subtract,
  subtractFloats,
  trailingZeros,
  when,
  whole,
} from "./instructions.ts";

/** Numbers that a kernel takes at a time; inputs are filled up with equal numbers to a multiple. */
export const GROUP = 16;

const SIZE = 16; // bytes of a vector
const VECTORS = [0, 1, 2, 3];

/**
 * Rounds four float32 numbers to a type; what becomes infinite or is no number has all exponent
 * bits.
 */
type Rounding = (bits: Code, scratch: number) => Code;

const word = (value: number): Code => splatWord(whole(value));
const float = (value: number): Code => splatFloat(single(value));
const magnitudeOf = (bits: Code): Code => andBits(bits, word(0x7fffffff));
const INFINITY = 0x7f800000;
const EXPONENT = word(INFINITY);
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

/** What is known about rounding without doing it: |round(a) − a| ≤ relative · |a| + absolute. */
interface RoundingError {
  readonly relative: number;
  /** A normal float32: arithmetic on others can be slow. */
  readonly absolute: number;
  /** Bits of the smallest positive float32 that becomes infinite. */
  readonly overflow: number;
}

const ERRORS: { readonly [T in AbsoluteType]: RoundingError | null } = {
  float32: null,
  float16: { relative: 2 ** -11, absolute: 2 ** -25, overflow: 0x477ff000 },
  bfloat16: { relative: 2 ** -8, absolute: 2 ** -100, overflow: 0x7f7f8000 },
};

/** More than what a handful of roundings to float32 take away. */
const SLACK = 1 + 2 ** -20;

/** Numbers of the memories that the two vectors lie in; everything else is in memory 0. */
export interface VectorMemories {
  readonly wanted: number;
  readonly present: number;
}

/** Sixteen differences of what is at addresses `a` and `b` into four variables from `first` on. */
function differences(
  rounding: Rounding,
  { wanted, present }: VectorMemories,
  [a, b]: readonly [number, number],
  [first, scratch]: readonly [number, number],
): Code {
  // d = |round(a) − b|
  return VECTORS.flatMap((i) =>
    set(
      first + i,
      absoluteFloats(
        subtractFloats(
          rounding(loadVector(get(a), { memory: wanted, offset: i * SIZE }), scratch),
          loadVector(get(b), { memory: present, offset: i * SIZE }),
        ),
      ),
    ),
  );
}

function forward(a: number, b: number): Code {
  return [...set(a, add(get(a), whole(4 * SIZE))), ...set(b, add(get(b), whole(4 * SIZE)))];
}

/** The locals of {@link collecting}, one after another: first what it works on. */
export const COLLECTING: {
  readonly inputs: readonly ValueKind[];
  readonly variables: readonly ValueKind[];
} = {
  inputs: ["i32", "i32", "i32", "i32", "v128", "i32", "i32", "i32"],
  variables: ["i32", "i32", "i32", ...Array.from({ length: 9 }, () => "v128" as const)],
};

/** A loop that collects, and what it comes to. */
export interface Collecting {
  readonly loop: Code;
  /** How many were found. */
  readonly count: Code;
  /** Whether a difference is infinite or no number, or nearly so: 0 or 1. */
  readonly isNotFinite: Code;
}

/**
 * On locals from `base` on (a, b, end, first, level, indices, words, scratch): for every i with
 * |round(a_i) − b_i| ≥ level > 0, the same in all four lanes, writes `first` + i and the bits of that
 * difference. `end` is where a ends.
 *
 * Rounding costs more than all the rest, and nearly all groups of 16 do without:
 *
 *   |round(a_i) − b_i| ≤ max |a − b| + relative · max |a| + absolute
 *
 * Only where that reaches the level the group is looked at more closely.
 */
export function collecting(type: AbsoluteType, memories: VectorMemories, base: number): Collecting {
  const at0 = (local: number): number => base + local;
  const [a, b, end, first, level] = [at0(0), at0(1), at0(2), at0(3), at0(4)];
  const [indices, words, scratch] = [at0(5), at0(6), at0(7)];
  const [count, mask, at, d, highest] = [at0(8), at0(9), at0(10), at0(11), at0(15)];
  const [largest, magnitude, largestMagnitude, value] = [at0(16), at0(17), at0(18), at0(19)];
  const error = ERRORS[type];
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
    ...VECTORS.flatMap((i) => [
      ...set(value, loadVector(get(a), { memory: memories.wanted, offset: i * SIZE })),
      ...set(
        d + i,
        absoluteFloats(
          subtractFloats(
            get(value),
            loadVector(get(b), { memory: memories.present, offset: i * SIZE }),
          ),
        ),
      ),
      ...(error === null ? [] : set(magnitude, larger(absoluteFloats(get(value)), magnitude, i))),
    ]),
    ...set(
      highest,
      largerWords(largerWords(get(d), get(d + 1)), largerWords(get(d + 2), get(d + 3))),
    ),
    ...(error === null
      ? []
      : [
          ...set(highest, withError(get(highest), get(magnitude), error)),
          ...set(largestMagnitude, largerWords(get(largestMagnitude), get(magnitude))),
        ]),
    ...set(largest, largerWords(get(largest), get(highest))),
    ...when(anyBit(atLeastFloats(get(highest), get(level))), [
      ...(error === null ? [] : differences(ROUNDINGS[type], memories, [a, b], [d, value])),
      ...VECTORS.flatMap((i) => storeVector(get(scratch), get(d + i), { offset: i * SIZE })),
      ...set(mask, or(or(reached(0), reached(1)), or(reached(2), reached(3)))),
      ...when(get(mask), repeatWhile(emit, get(mask))),
    ]),
    ...forward(a, b),
    ...set(first, add(get(first), whole(GROUP))),
  ];
  const isTooLarge = error === null ? whole(0) : anyFrom(error.overflow, largestMagnitude);
  return {
    loop: repeatWhile(group, below(get(a), get(end))),
    count: get(count),
    isNotFinite: or(anyFrom(INFINITY, largest), isTooLarge),
  };
}

/**
 * collect(a, b, end, first, threshold, indices, words, scratch): as {@link collecting}; returns how
 * many it found, or −1 when a difference is not finite.
 */
export function collectKernel(type: AbsoluteType, memories: VectorMemories): KernelFunction {
  const parameters = COLLECTING.inputs.map((kind) => (kind === "v128" ? "f32" : kind));
  const base = parameters.length;
  const { loop, count, isNotFinite } = collecting(type, memories, base);
  const inputs = parameters.flatMap((kind, i) =>
    set(base + i, kind === "f32" ? splatFloat(get(i)) : get(i)),
  );
  return {
    name: `collect-${type}`,
    parameters,
    variables: [...COLLECTING.inputs, ...COLLECTING.variables],
    returns: "i32",
    code: [...inputs, ...loop, ...orMinusOne(count, isNotFinite)],
  };
}

/** `bits`, or with those of the variable the larger ones after the first time. */
function larger(bits: Code, variable: number, times: number): Code {
  // Bits of numbers from 0 on are in the order of the numbers.
  return times === 0 ? bits : largerWords(get(variable), bits);
}

/** (difference + (relative · magnitude + absolute)) · slack */
function withError(difference: Code, magnitude: Code, error: RoundingError): Code {
  const scaled = multiplyFloats(magnitude, float(error.relative));
  return multiplyFloats(
    addFloats(difference, addFloats(scaled, float(error.absolute))),
    float(SLACK),
  );
}

/** Whether a lane of a variable has `bits` or more, unsigned. */
function anyFrom(bits: number, variable: number): Code {
  return anyBit(belowWords(word(bits - 1), get(variable)));
}

/** `result`, or −1 where `condition`, 0 or 1, holds. */
function orMinusOne(result: Code, condition: Code): Code {
  return or(result, subtract(whole(0), condition));
}
