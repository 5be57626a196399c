/** How the values of an update travel: one rule for each code in the update's flags. */
import {
  type EntryRun,
  entryRuns,
  fromBfloat16Bits,
  fromFloat16Bits,
  INT8_BLOCK,
  int8Of,
  type StateLayout,
  toBfloat16Bits,
  toFloat16Bits,
  type Update,
  type ValueType,
} from "@everfresh/core";

import { BitReader } from "./bit-reader.ts";
import { BitWriter } from "./bit-writer.ts";
import type { ByteReader, Failure } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { planXorWords, readXor, writeXor } from "./xor-words.ts";

/** Values as they are in an update. */
export type Values = Pick<Update, "valueType" | "values" | "scales">;

/** Where the values of an update belong. */
export interface ValuePlaces {
  readonly indices: Uint32Array;
  readonly layout: StateLayout;
}

type ValueCoding =
  | "float32"
  | "float16"
  | "bfloat16"
  | "float32AsFloat16"
  | "float32AsBfloat16"
  | "float32Xor"
  | "int8"
  | "int8ByBfloat16"
  | "sign"
  | "signByBfloat16";

interface ValueRule {
  /** The code in the low bits of the flags. */
  readonly code: number;
  readonly valueType: ValueType;
  /** Fewest bits that an entry takes. */
  readonly bitsMin: number;
  write(writer: ByteWriter, values: Values): void;
  read(
    reader: ByteReader,
    fail: Failure,
    places: ValuePlaces,
  ): { readonly values: Float32Array; readonly scales?: Float32Array };
}

const CODINGS: { readonly [C in ValueCoding]: ValueRule } = {
  float32: {
    code: 0,
    valueType: "float32",
    bitsMin: 32,
    write: (writer, { values }) => writer.raw(bytesOf(values)),
    read: (reader, fail, { indices }) => ({
      values: finite(new Float32Array(copyOf(reader.raw(indices.length * 4))), fail),
    }),
  },
  float16: floats(1, "float16", "half"),
  bfloat16: floats(2, "bfloat16", "brain"),
  // All values of a float32 update may happen to have fewer bits, as when updates are merged.
  float32AsFloat16: floats(3, "float32", "half"),
  float32AsBfloat16: floats(4, "float32", "brain"),
  float32Xor: {
    code: 5,
    valueType: "float32Xor",
    bitsMin: 1,
    write: (writer, { values }) => writeXor(writer, wordsOf(values)),
    read: (reader, fail, { indices }) => ({
      values: new Float32Array(readXor(reader, fail, indices.length).buffer),
    }),
  },
  int8: int8(6, "full"),
  int8ByBfloat16: int8(7, "brain"),
  sign: sign(8, "full"),
  signByBfloat16: sign(9, "brain"),
};

const RULES: readonly ValueRule[] = Object.values(CODINGS);

/** The rule of a code, if there is one. */
export function ruleOfCode(code: number): ValueRule | undefined {
  return RULES.find((rule) => rule.code === code);
}

/** The rule that these values travel by: the one with the fewest bytes for their type. */
export function ruleFor(values: Values): ValueRule {
  return CODINGS[codingFor(values)];
}

function codingFor({ valueType, values, scales }: Values): ValueCoding {
  if (values.length === 0) return valueType;
  const isBrain = scales !== undefined && fits(scales, FLOATS.brain);
  if (valueType === "int8") return isBrain ? "int8ByBfloat16" : "int8";
  if (valueType === "sign") return isBrain ? "signByBfloat16" : "sign";
  if (valueType !== "float32") return valueType;
  if (fits(values, FLOATS.half)) return "float32AsFloat16";
  return fits(values, FLOATS.brain) ? "float32AsBfloat16" : "float32";
}

/**
 * The words that lead from the bits in `base`, one for each parameter, to these float32 values, where
 * they take fewer bytes than the values; else null.
 */
export function xorIfSmaller(
  update: Pick<Update, "valueType" | "values" | "indices">,
  base: Uint32Array,
): Float32Array | null {
  const { valueType, values, indices } = update;
  if (valueType !== "float32" || values.length === 0) return null;
  const bits = wordsOf(values);
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < words.length; i++) words[i] = (bits[i] ?? 0) ^ (base[indices[i] ?? 0] ?? 0);
  const bytes = 1 + Math.ceil(planXorWords(words).bits / 8);
  return bytes * 8 < values.length * ruleFor(update).bitsMin
    ? new Float32Array(words.buffer)
    : null;
}

interface FloatRule {
  toBits(value: number): number;
  fromBits(bits: number): number;
}

const FLOATS: { readonly [F in "half" | "brain"]: FloatRule } = {
  half: { toBits: toFloat16Bits, fromBits: fromFloat16Bits },
  brain: { toBits: toBfloat16Bits, fromBits: fromBfloat16Bits },
};

/** Whether all values, which are finite, have 16 bits in this form. */
function fits(values: Float32Array, rule: FloatRule): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (rule.fromBits(rule.toBits(value)) !== value) return false;
  }
  return true;
}

function floats(code: number, valueType: ValueType, form: keyof typeof FLOATS): ValueRule {
  return {
    code,
    valueType,
    bitsMin: 16,
    write: (writer, { values }) => writeShort(writer, values, FLOATS[form]),
    read: (reader, fail, { indices }) => ({
      values: finite(readShort(reader, indices.length, FLOATS[form]), fail),
    }),
  };
}

function int8(code: number, form: "full" | "brain"): ValueRule {
  return {
    code,
    valueType: "int8",
    bitsMin: 8,
    write: (writer, { values, scales = new Float32Array(0) }) => {
      writeScales(writer, scales, form);
      const bytes = new Int8Array(values.length);
      for (let i = 0; i < bytes.length; i++) {
        bytes[i] = int8Of(values[i] ?? 0, scales[Math.floor(i / INT8_BLOCK)] ?? 0);
      }
      writer.raw(bytesOf(bytes));
    },
    read: (reader, fail, { indices }) => {
      const count = indices.length;
      const scales = readScales(reader, fail, Math.ceil(count / INT8_BLOCK), form);
      const bytes = reader.raw(count);
      const values = new Float32Array(count);
      for (let i = 0; i < count; i++) {
        const q = ((bytes[i] ?? 0) << 24) >> 24;
        const scale = scales[Math.floor(i / INT8_BLOCK)] ?? 0;
        if (q === -128) throw fail("an increment of −128");
        if (scale === 0 && q !== 0) throw fail(`an increment of ${q} where the scale is 0`);
        values[i] = scale * q;
      }
      return { values: finite(values, fail), scales };
    },
  };
}

function sign(code: number, form: "full" | "brain"): ValueRule {
  return {
    code,
    valueType: "sign",
    bitsMin: 1,
    write: (writer, { values, scales = new Float32Array(0) }) => {
      writeScales(writer, scales, form);
      const bits = new BitWriter(Math.ceil(values.length / 8));
      for (let i = 0; i < values.length; i++) bits.bits((values[i] ?? 0) < 0 ? 1 : 0, 1);
      writer.raw(bits.bytes());
    },
    read: (reader, fail, { indices, layout }) => {
      const runs = entryRuns(layout, indices);
      const scales = readScales(reader, fail, runs.length, form);
      if (scales.includes(0)) throw fail("a mean of 0");
      const bits = new BitReader(reader.rest(), fail);
      const values = new Float32Array(indices.length);
      for (const [at, run] of runs.entries()) readSigns(bits, values, run, scales[at] ?? 0);
      reader.raw(bits.end());
      return { values, scales };
    },
  };
}

function readSigns(
  reader: BitReader,
  values: Float32Array,
  { from, to }: EntryRun,
  mean: number,
): void {
  for (let i = from; i < to; i++) values[i] = reader.bits(1) === 1 ? -mean : mean;
}

function writeScales(writer: ByteWriter, scales: Float32Array, form: "full" | "brain"): void {
  if (form === "brain") writeShort(writer, scales, FLOATS.brain);
  else writer.raw(bytesOf(scales));
}

function readScales(
  reader: ByteReader,
  fail: Failure,
  count: number,
  form: "full" | "brain",
): Float32Array {
  const scales =
    form === "brain"
      ? readShort(reader, count, FLOATS.brain)
      : new Float32Array(copyOf(reader.raw(count * 4)));
  for (const scale of finite(scales, fail)) {
    if (scale < 0 || Object.is(scale, -0)) throw fail(`scale ${scale} is below 0`);
  }
  return scales;
}

function writeShort(writer: ByteWriter, values: Float32Array, rule: FloatRule): void {
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = rule.toBits(values[i] ?? 0);
  writer.raw(bytesOf(bits));
}

function readShort(reader: ByteReader, count: number, rule: FloatRule): Float32Array {
  const bits = new Uint16Array(copyOf(reader.raw(count * 2)));
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = rule.fromBits(bits[i] ?? 0);
  return values;
}

function finite(values: Float32Array, fail: Failure): Float32Array {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) throw fail(`value ${values[i]} is not finite`);
  }
  return values;
}

function wordsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** A copy in memory of its own, aligned; Node's Buffer would give a view. */
function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
