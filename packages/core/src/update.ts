import { BFLOAT16_MAX, roundToBfloat16 } from "./bfloat16.ts";
import type { TensorData } from "./dtype.ts";
import { FLOAT16_MAX, roundToFloat16 } from "./float16.ts";
import type { Fingerprint } from "./fingerprint.ts";

/** Values that replace what is there, rounded to the type before they become part of a state. */
export type AbsoluteType = "float32" | "float16" | "bfloat16";

/**
 * Values that are added to what is there: `int8` is a whole number from −127 to 127 times the scale
 * of its block of {@link INT8_BLOCK} entries, `sign` is plus or minus the mean of its tensor.
 */
export type IncrementType = "int8" | "sign";

/**
 * How the values of an update travel. `float32Xor` is what the float32 bits that are there are to be
 * xored with: as exact as float32, and often fewer bytes.
 */
export type ValueType = AbsoluteType | "float32Xor" | IncrementType;

/** Consecutive entries of an `int8` update that share a scale. */
export const INT8_BLOCK = 64;

/**
 * The sparse change of a state from one version to the next. Everything is exact: the deployed state
 * takes the rounded values, as every replica does. Only the chain of versions keeps an update with
 * xor words or increments from being applied twice.
 */
export interface Update {
  readonly fromVersion: number;
  /** Greater than `fromVersion`. */
  readonly toVersion: number;
  /** Fingerprint of the state that this update applies to. */
  readonly fingerprintBefore: Fingerprint;
  /** Fingerprint of the state that it leads to. */
  readonly fingerprintAfter: Fingerprint;
  /**
   * Event time of the newest sample that the state after it has learned from, in whole milliseconds
   * since the Unix epoch; null when that is unknown.
   */
  readonly eventTimeMs: number | null;
  readonly valueType: ValueType;
  /** Indices into the flat parameter vector, strictly ascending. */
  readonly indices: Uint32Array;
  /**
   * One value for each index, as `valueType` says: the new value, rounded; or the increment, a
   * float32. For `float32Xor` the memory holds words of bits, and only a `Uint32Array` over it may
   * read them: as numbers they can lose bits.
   */
  readonly values: Float32Array;
  /**
   * What increments are multiples of, all finite; absent for other types. `int8`: one from 0 on for
   * each block, so that a value is fround(scale · q). `sign`: one above 0 for each parameter tensor
   * that has entries, in their order.
   */
  readonly scales?: Float32Array;
  /** Buffers that changed, lossless; positions strictly ascending. */
  readonly buffers: readonly BufferChange[];
}

/** What becomes of one buffer. */
export interface BufferChange {
  /** Position of the buffer in the layout's tensors. */
  readonly tensor: number;
  /** As many elements as the buffer has, of its dtype: its new content, or what is added to it. */
  readonly data: TensorData;
  /**
   * Whether `data`, float32 then, is added to what is there, each sum rounded once.
   * @default false
   */
  readonly adds?: boolean;
}

/** What an update changes, without versions, fingerprints and time. */
export type StateChange = Pick<Update, "valueType" | "indices" | "values" | "scales" | "buffers">;

interface ValueTypeRule {
  readonly kind: "absolute" | "xor" | "increment";
}

const VALUE_TYPES: { readonly [T in ValueType]: ValueTypeRule } = {
  float32: { kind: "absolute" },
  float16: { kind: "absolute" },
  bfloat16: { kind: "absolute" },
  float32Xor: { kind: "xor" },
  int8: { kind: "increment" },
  sign: { kind: "increment" },
};

/** Whether values of this type replace what is there. */
export function isAbsolute(type: ValueType): type is AbsoluteType {
  return VALUE_TYPES[type].kind === "absolute";
}

/** Whether values of this type are added to what is there. */
export function isIncrement(type: ValueType): type is IncrementType {
  return VALUE_TYPES[type].kind === "increment";
}

interface AbsoluteRule {
  /** Largest magnitude. */
  readonly max: number;
  round(value: number): number;
}

const ABSOLUTE_TYPES: { readonly [T in AbsoluteType]: AbsoluteRule } = {
  float32: { max: Number.MAX_VALUE, round: Math.fround },
  float16: { max: FLOAT16_MAX, round: roundToFloat16 },
  bfloat16: { max: BFLOAT16_MAX, round: roundToBfloat16 },
};

/** `value` as it arrives when sent as `type`. */
export function roundTo(type: AbsoluteType, value: number): number {
  return ABSOLUTE_TYPES[type].round(value);
}

/** Whether `value` can be sent as `type`: finite, and within its range. */
export function isSendable(type: AbsoluteType, value: number): boolean {
  return Number.isFinite(value) && Math.abs(value) <= ABSOLUTE_TYPES[type].max;
}

/** Whether an update can carry `eventTimeMs`: null, or whole milliseconds from 1970 on. */
export function isEventTime(eventTimeMs: number | null): boolean {
  return eventTimeMs === null || (Number.isSafeInteger(eventTimeMs) && eventTimeMs >= 0);
}
