/** The instructions that kernels use, as expressions. Two float64 lanes unless said otherwise. */
import { type Code, type Frame, signed, unsigned, type Variable } from "@everfresh/core/wasm";

const ALIGNED_4 = 2; // log₂ of what an address is sure to be a multiple of
const IN_MEMORY = 0x40; // the number of a memory follows

/** a + b for addresses and counts. */
function addWhole(a: Code, b: Code): Code {
  return [...a, ...b, 0x6a];
}

/** A 32-bit number in all four lanes. */
export function words(value: number): Code {
  return [0x41, ...signed(value), ...simd(17)];
}

/** A float64 number in both lanes. */
function both(value: Code): Code {
  return [...value, ...simd(20)];
}

/** A float64 constant in both lanes. */
export function constants(value: number): Code {
  return both([0x44, ...new Uint8Array(Float64Array.of(value).buffer)]);
}

/** Sixteen bytes of memory. */
export function loadWords(address: Code): Code {
  return [...address, ...simd(0), ALIGNED_4, 0];
}

/** Sixteen bytes of the second memory. */
export function loadSource(address: Code): Code {
  return [...address, ...simd(0), IN_MEMORY | ALIGNED_4, 1, 0];
}

/** Stores sixteen bytes. */
export function storeWords(address: Code, value: Code): Code {
  return [...address, ...value, ...simd(11), ALIGNED_4, 0];
}

/** Two float32 numbers of memory, as they are, in the lower half. */
export function loadPair(address: Code, offset: number): Code {
  return [...address, ...simd(93), ALIGNED_4, ...unsigned(offset)];
}

/** Stores the two float32 numbers of the lower half. */
export function storePair(address: Code, offset: number, value: Code): Code {
  return [...address, ...value, ...simd(91), ALIGNED_4, ...unsigned(offset), 0];
}

/** The two float32 numbers of the lower half as float64 numbers, exactly. */
export function widen(value: Code): Code {
  return [...value, ...simd(95)];
}

/** Two float64 numbers rounded to float32, in the lower half. */
export function narrow(value: Code): Code {
  return [...value, ...simd(94)];
}

/** An operation on two vectors. */
type Binary = (a: Code, b: Code) => Code;

/** Four 32-bit lanes. */
export const addWords: Binary = binary(174);
/** Four 32-bit lanes: all bits where a = b. */
export const equalWords: Binary = binary(55);
/** Bits of both. */
export const and: Binary = binary(78);
/** Bits of a that b does not have. */
export const andNot: Binary = binary(79);
/** Bits of either. */
export const or: Binary = binary(80);
/** Four float32 lanes: all bits where a > b. */
export const greaterSingles: Binary = binary(68);
/** All bits where a < b. */
export const less: Binary = binary(73);
/** a + b */
export const add: Binary = binary(240);
/** a − b */
export const subtract: Binary = binary(241);
/** a · b */
export const multiply: Binary = binary(242);
/** a / b */
export const divide: Binary = binary(243);

/** |a| */
export function absolute(a: Code): Code {
  return [...a, ...simd(236)];
}

/** √a */
export function squareRoot(a: Code): Code {
  return [...a, ...simd(239)];
}

/** Bits of a where the mask has ones, of b elsewhere. */
export function select(a: Code, b: Code, mask: Code): Code {
  return [...a, ...b, ...mask, ...simd(82)];
}

/** The signs of four 32-bit lanes as the lowest bits of an i32. */
export function signs(a: Code): Code {
  return [...a, ...simd(164)];
}

/** The sum of the two lanes, as one number. */
export function sumOfLanes(a: Code): Code {
  return [...a, ...simd(33), 0, ...a, ...simd(33), 1, 0xa0];
}

/** Runs `body` for the offsets 0, 16, ... below `bytes`, which is above 0. */
export function every16Bytes(
  frame: Frame,
  bytes: Variable,
  body: (at: (array: Variable) => Code) => Code,
): Code {
  const { offset } = frame.has({ offset: "i32" });
  const at = (array: Variable): Code => addWhole(array.get, offset.get);
  const next = offset.set(addWhole(offset.get, [0x41, 16]));
  const goesOn = [...offset.get, ...bytes.get, 0x49];
  return [0x03, 0x40, ...body(at), ...next, ...goesOn, 0x0d, 0, 0x0b];
}

/** Byte offsets of the two pairs of float32 numbers in sixteen bytes. */
const PAIRS = [0, 8];

/** The same with two float32 numbers at a time; `pair` goes with loadPair() and storePair(). */
export function everyPair(
  frame: Frame,
  bytes: Variable,
  body: (at: (array: Variable) => Code, pair: number) => Code,
): Code {
  return every16Bytes(frame, bytes, (at) => PAIRS.flatMap((pair) => body(at, pair)));
}

/** Float64 parameters in both lanes of variables, and the code that puts them there. */
export function inBothLanes<N extends string>(
  frame: Frame,
  numbers: Readonly<Record<N, Variable>>,
): { readonly lanes: Readonly<Record<N, Code>>; readonly prepare: Code } {
  const spread = Object.entries<Variable>(numbers).map(([name, number]) => {
    const { lanes } = frame.has({ lanes: "v128" });
    return { name, value: lanes.get, code: lanes.set(both(number.get)) };
  });
  return {
    lanes: Object.fromEntries(spread.map(({ name, value }) => [name, value])) as Record<N, Code>,
    prepare: spread.flatMap(({ code }) => code),
  };
}

function binary(opcode: number): Binary {
  return (a, b) => [...a, ...b, ...simd(opcode)];
}

function simd(opcode: number): Code {
  return [0xfd, ...unsigned(opcode)];
}
