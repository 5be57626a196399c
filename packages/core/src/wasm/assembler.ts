/**
 * Writes WebAssembly modules of straight loops over vectors (WebAssembly core specification 2.0, with
 * 128-bit SIMD). An expression is the code that leaves its value on the stack, so expressions nest as
 * formulas do.
 */
import { assert } from "../errors.ts";
import { WASM_PAGES_MAX } from "./memory.ts";

/** Bytes of instructions. */
export type Code = readonly number[];

/** The types of parameters and variables that kernels have. */
export type ValueKind = "i32" | "f32" | "f64" | "v128";

/** A parameter or a variable of a function. */
export interface Variable {
  /** Its value. */
  readonly get: Code;
  /** Gives it the value of an expression. */
  set(value: Code): Code;
}

/** A function of a module, exported under its name. */
export interface KernelFunction {
  readonly name: string;
  readonly parameters: readonly ValueKind[];
  readonly variables: readonly ValueKind[];
  /** What it returns: what its code leaves on the stack; null for nothing. */
  readonly returns: "i32" | "f64" | null;
  readonly code: Code;
}

/** A memory that a module imports from {@link MEMORIES}, of whatever size. */
export interface ImportedMemory {
  readonly name: string;
  /** Whether threads share it. */
  readonly shared: boolean;
}

/** Where modules import their memories from. */
export const MEMORIES = "memories";

const TYPES: { readonly [K in ValueKind]: number } = {
  i32: 0x7f,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};
const MAGIC_AND_VERSION = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const SECTIONS = { types: 1, imports: 2, functions: 3, exports: 7, code: 10 };

/** Parameters and variables of a function while its code is written. */
export class Frame {
  readonly parameters: ValueKind[] = [];
  readonly variables: ValueKind[] = [];

  /** Adds parameters, in this order; all of them come before the first variable. */
  takes<N extends string>(kinds: Readonly<Record<N, ValueKind>>): Readonly<Record<N, Variable>> {
    assert(this.variables.length === 0, "parameters come before variables");
    return this.#declare(this.parameters, kinds);
  }

  /** Adds variables, 0 at the start. */
  has<N extends string>(kinds: Readonly<Record<N, ValueKind>>): Readonly<Record<N, Variable>> {
    return this.#declare(this.variables, kinds);
  }

  #declare<N extends string>(
    list: ValueKind[],
    kinds: Readonly<Record<N, ValueKind>>,
  ): Readonly<Record<N, Variable>> {
    const declared = Object.entries<ValueKind>(kinds).map(([name, kind]) => {
      list.push(kind);
      return [name, variableAt(this.parameters.length + this.variables.length - 1)];
    });
    return Object.fromEntries(declared) as Record<N, Variable>;
  }

  /** The function with this frame. */
  function(name: string, code: Code, returns: KernelFunction["returns"] = null): KernelFunction {
    const { parameters, variables } = this;
    return { name, parameters, variables, returns, code };
  }
}

/**
 * The bytes of a module with these functions and memories; the functions know those by their number.
 * More than one needs the extension of several memories, which is newer than vectors.
 */
export function assemble(
  functions: readonly KernelFunction[],
  memories: readonly ImportedMemory[],
): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters, returns }) => [
    0x60,
    ...vector(parameters.map((kind) => [TYPES[kind]])),
    ...vector(returns === null ? [] : [[TYPES[returns]]]),
  ]);
  const imports = memories.map(({ name, shared }) => {
    const limits = [shared ? 3 : 1, 0, ...unsigned(WASM_PAGES_MAX)];
    return [...text(MEMORIES), ...text(name), 2, ...limits];
  });
  const bodies = functions.map(({ variables, code }) => {
    const body = [...vector(variables.map((kind) => [1, TYPES[kind]])), ...code, 0x0b];
    return [...unsigned(body.length), ...body];
  });
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section(SECTIONS.types, types),
    ...section(SECTIONS.imports, imports),
    ...section(
      SECTIONS.functions,
      functions.map((_, i) => unsigned(i)),
    ),
    ...section(
      SECTIONS.exports,
      functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)]),
    ),
    ...section(SECTIONS.code, bodies),
  ]);
}

/** A whole number of 0 or more as LEB128. */
export function unsigned(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest = Math.floor(rest / 0x80);
  } while (rest > 0);
  return bytes;
}

/** A 32-bit number as signed LEB128. */
export function signed(value: number): Code {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

function variableAt(index: number): Variable {
  return {
    get: [0x20, ...unsigned(index)],
    set: (value) => [...value, 0x21, ...unsigned(index)],
  };
}

function section(id: number, entries: readonly Code[]): Code {
  const content = vector(entries);
  return [id, ...unsigned(content.length), ...content];
}

function vector(entries: readonly Code[]): Code {
  return [...unsigned(entries.length), ...entries.flat()];
}

function text(value: string): Code {
  const bytes = new TextEncoder().encode(value);
  return [...unsigned(bytes.length), ...bytes];
}
