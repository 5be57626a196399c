import type { TensorData } from "./dtype.ts";
import { FLOAT16_MAX, roundToFloat16 } from "./float16.ts";
import type { Fingerprint } from "./fingerprint.ts";

/** How the values of an update travel; float16 values are rounded before they become part of a state. */
export type ValueType = "float32" | "float16";

/**
 * The sparse change of a state from one version to the next. Values are absolute: they replace what
 * is there, so applying an update twice is harmless. Everything is exact: the deployed state takes the
 * rounded values, as every replica does.
 */
export interface Update {
  readonly fromVersion: number;
  /** Greater than `fromVersion`. */
  readonly toVersion: number;
  /** Fingerprint of the state that this update applies to. */
  readonly fingerprintBefore: Fingerprint;
  /** Fingerprint of the state that it leads to. */
  readonly fingerprintAfter: Fingerprint;
  readonly valueType: ValueType;
  /** Indices into the flat parameter vector, strictly ascending. */
  readonly indices: Uint32Array;
  /** The new value at each index; finite, and already rounded to `valueType`. */
  readonly values: Float32Array;
  /** Buffers that changed, whole and lossless; positions strictly ascending. */
  readonly buffers: readonly BufferChange[];
}

/** The new content of one buffer. */
export interface BufferChange {
  /** Position of the buffer in the layout's tensors. */
  readonly tensor: number;
  readonly data: TensorData;
}

/** What an update changes, without versions and fingerprints. */
export type StateChange = Pick<Update, "valueType" | "indices" | "values" | "buffers">;

/** `value` as it arrives when sent as `type`. */
export function roundTo(type: ValueType, value: number): number {
  return type === "float16" ? roundToFloat16(value) : Math.fround(value);
}

/** Whether `value` can be sent as `type`: finite, and within its range. */
export function isSendable(type: ValueType, value: number): boolean {
  return Number.isFinite(value) && (type === "float32" || Math.abs(value) <= FLOAT16_MAX);
}
