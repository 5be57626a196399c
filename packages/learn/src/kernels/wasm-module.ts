/**
 * The bytes of WebAssembly modules (core specification 2.0, with 128-bit SIMD), as far as the
 * kernels beside this file need them. An expression is the code that leaves its value on the stack,
 * so expressions nest as formulas do.
 */

/** Bytes of instructions. */
export type Code = readonly number[];

/** The types of parameters and variables that kernels have. */
export type ValueKind = "i32" | "f32" | "v128";

/** A function of a module, exported under its name; it returns an i32. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly ValueKind[];
  /** Numbered after the parameters; 0 at the start. */
  readonly variables: readonly ValueKind[];
  /** Leaves the result on the stack. */
  readonly code: Code;
}

const TYPES: { readonly [K in ValueKind]: number } = { i32: 0x7f, f32: 0x7d, v128: 0x7b };
const VOID = 0x40;
const END = 0x0b;

/** A memory that a module imports, of whatever size: by this name from `memories`. */
export interface ImportedMemory {
  readonly name: string;
  /** Whether threads share it. */
  readonly shared: boolean;
}

/** 4 GiB: addresses have 32 bits. */
const PAGES_MAX = 65_536;

/**
 * The bytes of a module with these functions and memories; the functions know those by their number.
 * More than one needs the extension of several memories, which is newer than vectors.
 */
export function wasmModule(
  functions: readonly WasmFunction[],
  memories: readonly ImportedMemory[],
): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [
    0x60,
    ...list(parameters.map((kind) => [TYPES[kind]])),
    ...list([[TYPES.i32]]),
  ]);
  const exports = functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)]);
  const bodies = functions.map(({ variables, code }) => {
    const body = [...list(variables.map((kind) => [1, TYPES[kind]])), ...code, END];
    return [...unsigned(body.length), ...body];
  });
  const section = (id: number, entries: readonly Code[]): Code => {
    const content = list(entries);
    return [id, ...unsigned(content.length), ...content];
  };
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(
      2,
      memories.map(({ name, shared }) => {
        const limits = [shared ? 3 : 1, 0, ...unsigned(PAGES_MAX)];
        return [...text("memories"), ...text(name), 2, ...limits];
      }),
    ),
    ...section(
      3,
      functions.map((_, i) => unsigned(i)),
    ),
    ...section(7, exports),
    ...section(10, bodies),
  ]);
}

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

/** A whole number of 0 or more as LEB128. */
function unsigned(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest = Math.floor(rest / 0x80);
  } while (rest > 0);
  return bytes;
}

/** A 32-bit number as signed LEB128. */
function signed(value: number): Code {
  let rest = value | 0;
  const bytes: number[] = [];
  while (rest < -0x40 || rest > 0x3f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  return [...bytes, rest & 0x7f];
}

function list(entries: readonly Code[]): Code {
  return [...unsigned(entries.length), ...entries.flat()];
}

function text(value: string): Code {
  return list(Array.from(new TextEncoder().encode(value), (byte) => [byte]));
}
