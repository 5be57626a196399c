/** The instructions that kernels use, as expressions: whole numbers, and four lanes of vectors. */
import { type Code, signed, unsigned } from "@everfresh/core/wasm";

const VOID = 0x40;
const END = 0x0b;

/** The value of a parameter or variable. */
export function get(local: number): Code {
  return [0x20, ...unsigned(local)];
}

/** Gives a parameter or variable a value. */
export function set(local: number, value: Code): Code {
  return [...value, 0x21, ...unsigned(local)];
}

/** A 32-bit number. */
export function whole(value: number): Code {
  return [0x41, ...signed(value)];
}

/** A float32 number. */
export function single(value: number): Code {
  return [0x43, ...new Uint8Array(Float32Array.of(value).buffer)];
}

/** Takes operands and leaves one i32. */
export type Operation = (...operands: readonly Code[]) => Code;

function operation(...opcode: readonly number[]): Operation {
  return (...operands) => [...operands.flat(), ...opcode];
}

function simd(opcode: number): Operation {
  return operation(0xfd, ...unsigned(opcode));
}

/** i32: a + b */
export const add: Operation = operation(0x6a);
/** i32: a − b */
export const subtract: Operation = operation(0x6b);
/** i32: a · b */
export const multiply: Operation = operation(0x6c);
/** i32: bits of both */
export const and: Operation = operation(0x71);
/** i32: bits of either */
export const or: Operation = operation(0x72);
/** i32: a · 2^b */
export const shiftLeft: Operation = operation(0x74);
/** i32: number of zero bits below the lowest set one */
export const trailingZeros: Operation = operation(0x68);
/** i32: whether a < b, unsigned */
export const below: Operation = operation(0x49);

/** f32 in four lanes */
export const splatFloat: Operation = simd(19);
/** i32 in four lanes */
export const splatWord: Operation = simd(17);
/** f32 lanes: a + b */
export const addFloats: Operation = simd(228);
/** f32 lanes: a − b */
export const subtractFloats: Operation = simd(229);
/** f32 lanes: a · b */
export const multiplyFloats: Operation = simd(230);
/** f32 lanes: |a| */
export const absoluteFloats: Operation = simd(224);
/** f32 lanes: ones where a ≥ b */
export const atLeastFloats: Operation = simd(70);
/** i32 lanes: a + b */
export const addWords: Operation = simd(174);
/** i32 lanes: the larger of a and b, unsigned */
export const largerWords: Operation = simd(185);
/** i32 lanes: ones where a < b, unsigned */
export const belowWords: Operation = simd(58);
/** i32 lanes: a / 2^b, unsigned */
export const shiftWordsRight: Operation = simd(173);
/** bits of both */
export const andBits: Operation = simd(78);
/** bits of either */
export const orBits: Operation = simd(80);
/** bits of a where c has ones, of b elsewhere */
export const chooseBits: Operation = simd(82);
/** i32: whether any bit is set */
export const anyBit: Operation = simd(83);
/** i32: the signs of four lanes as its lowest bits */
export const signBits: Operation = simd(164);

/** A place in a memory, 4-byte aligned at least. */
export interface Place {
  /** Number of the memory; 0 by default. */
  readonly memory?: number;
  /** Bytes that are added to the address. */
  readonly offset?: number;
}

/** Four words in memory. */
export function loadVector(address: Code, place: Place = {}): Code {
  return [...address, 0xfd, 0, ...memoryArgument(place)];
}

/** Stores four words. */
export function storeVector(address: Code, value: Code, place: Place = {}): Code {
  return [...address, ...value, 0xfd, 11, ...memoryArgument(place)];
}

/** A word in memory. */
export function loadWord(address: Code, place: Place = {}): Code {
  return [...address, 0x28, ...memoryArgument(place)];
}

/** Stores a word. */
export function storeWord(address: Code, value: Code, place: Place = {}): Code {
  return [...address, ...value, 0x36, ...memoryArgument(place)];
}

/** Alignment 2² bytes, with another memory than the first one marked. */
function memoryArgument({ memory = 0, offset = 0 }: Place): Code {
  return memory === 0
    ? [2, ...unsigned(offset)]
    : [2 | 0x40, ...unsigned(memory), ...unsigned(offset)];
}

/** Runs `body`, and again as long as `condition` holds after it. */
export function repeatWhile(body: Code, condition: Code): Code {
  return [0x03, VOID, ...body, ...condition, 0x0d, 0, END];
}

/** Runs `body` if `condition` is not 0. */
export function when(condition: Code, body: Code): Code {
  return [...condition, 0x04, VOID, ...body, END];
}
