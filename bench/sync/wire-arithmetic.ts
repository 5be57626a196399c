/** What updates weigh on the wire, and beside what: the arithmetic of the table, without I/O. */
import type { ValueType } from "@everfresh/core";

/** Value types of the table, by the names that commands and configuration have for them. */
export const VALUE_TYPES = {
  f32: { type: "float32", bits: 32 },
  f16: { type: "float16", bits: 16 },
  bf16: { type: "bfloat16", bits: 16 },
  int8: { type: "int8", bits: 8 },
  sign: { type: "sign", bits: 1 },
} as const satisfies Readonly<Record<string, { readonly type: ValueType; readonly bits: number }>>;

/** A name in {@link VALUE_TYPES}. */
export type ValuesName = keyof typeof VALUE_TYPES;

/** Updates that a manifest serves: the steps of the seed paper's runs on CIFAR-10, 8 samples each. */
export const MANIFEST_UPDATES = 5_000;

/**
 * The bytes that entries at random positions take at least, as no coding can do with fewer:
 *
 *   (log2 C(parameters, entries) + entries · valueBits) / 8
 */
export function entropyBoundBytes(parameters: number, entries: number, valueBits: number): number {
  let bits = entries * valueBits;
  for (let i = 0; i < entries; i++) bits += Math.log2((parameters - i) / (i + 1));
  return bits / 8;
}

/** Bytes of an update as a WebSocket message: the type of the message, and the frame (RFC 6455). */
export function messageBytes(updateBytes: number): number {
  const payload = 1 + updateBytes;
  return payload + (payload < 126 ? 2 : payload < 65_536 ? 4 : 10);
}

/** What one update takes, on the mean of those that were measured. */
export interface UpdateWeight {
  /** A whole message without buffers. */
  readonly messageBytes: number;
  /** The section of all buffers where an update has one. */
  readonly bufferBytes: number;
  /** Updates from one with buffers to the next. */
  readonly buffersEvery: number;
  readonly manifestBytes: number;
}

/** The dense state that updates are compared with. */
export interface DenseWeight {
  /** Bytes of all parameters as float32. */
  readonly parameterBytes: number;
  /** The same with all buffers. */
  readonly stateBytes: number;
}

/** How much smaller updates are than the state. */
export interface Reductions {
  /** Everything on the wire: message, share of the buffers, share of the manifest. */
  readonly updateBytesMean: number;
  /** Parameters, against messages without buffers and manifest. */
  readonly reductionParameters: number;
  /** The whole state, against everything on the wire. */
  readonly reductionAll: number;
}

/** Buffers and manifest shared out among the updates that they serve. */
export function reductionsOf(update: UpdateWeight, dense: DenseWeight): Reductions {
  const buffers = update.bufferBytes / update.buffersEvery;
  const updateBytesMean = update.messageBytes + buffers + update.manifestBytes / MANIFEST_UPDATES;
  return {
    updateBytesMean,
    reductionParameters: dense.parameterBytes / update.messageBytes,
    reductionAll: dense.stateBytes / updateBytesMean,
  };
}

/** The mean; NaN of nothing. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
