/** What the entries of an update must be, for every value type: one rule for all who make or take them. */
import { ShapeError, ValueRangeError } from "./errors.ts";
import type { StateLayout } from "./state.ts";
import {
  type AbsoluteType,
  INT8_BLOCK,
  isSendable,
  roundTo,
  type StateChange,
  type ValueType,
} from "./update.ts";

/** Entries `from` to `to` − 1 of an update lie in parameter tensor `tensor`; there is at least one. */
export interface EntryRun {
  /** Position in the layout's tensors. */
  readonly tensor: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Which entries lie in which parameter tensor: a run for each tensor that has some, in their order.
 * `indices` ascend and are within the layout.
 */
export function entryRuns(layout: StateLayout, indices: Uint32Array): readonly EntryRun[] {
  const runs: EntryRun[] = [];
  let from = 0;
  for (let tensor = 0; from < indices.length; tensor++) {
    const entry = layout.tensors[tensor];
    if (entry === undefined) break;
    const to = firstAtOrAbove(indices, from, entry.wordOffset + entry.length);
    if (to > from) runs.push({ tensor, from, to });
    from = to;
  }
  return runs;
}

/** The first position from `start` on whose index is at least `bound`, by bisection. */
function firstAtOrAbove(indices: Uint32Array, start: number, bound: number): number {
  let low = start;
  let high = indices.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((indices[middle] ?? 0) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Checks indices and values of a change of a state with this layout; buffers are not looked at.
 * @throws ShapeError for indices out of order or out of range, or counts that do not fit together
 * @throws ValueRangeError for a value or scale that is not finite, or not what its type can carry
 */
export function checkEntries(layout: StateLayout, change: StateChange): void {
  const { indices, values, valueType } = change;
  if (indices.length !== values.length) {
    throw new ShapeError(`Update has ${indices.length} indices and ${values.length} values`);
  }
  const { parameterCount } = layout;
  let previous = -1;
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] ?? 0;
    if (index <= previous || index >= parameterCount) {
      throw new ShapeError(
        `Update index ${index} after ${previous}: indices ascend and stay below ${parameterCount}`,
        { index, previous, parameterCount },
      );
    }
    previous = index;
  }
  VALUE_CHECKS[valueType](change, layout);
}

const VALUE_CHECKS: {
  readonly [T in ValueType]: (change: StateChange, layout: StateLayout) => void;
} = {
  float32: (change) => checkAbsolute("float32", change),
  float16: (change) => checkAbsolute("float16", change),
  bfloat16: (change) => checkAbsolute("bfloat16", change),
  // Any word can be right: what it leads to is checked where the old bits are.
  float32Xor: (change) => scalesOf(change, 0),
  int8: (change) => checkInt8(change),
  sign: (change, layout) => checkSign(change, layout),
};

/** float32 bits that surely can be sent: magnitudes from `min` to below `end`, `zeros` not set. */
const SURELY_SENDABLE: {
  readonly [T in AbsoluteType]: {
    readonly min: number;
    readonly end: number;
    readonly zeros: number;
  };
} = {
  float32: { min: 0, end: 0x7f800000, zeros: 0 },
  // Normal in binary16; zero and subnormals take the slow way.
  float16: { min: 0x38800000, end: 0x47800000, zeros: 0x1fff },
  bfloat16: { min: 0, end: 0x7f800000, zeros: 0xffff },
};

function checkAbsolute(type: AbsoluteType, change: StateChange): void {
  scalesOf(change, 0);
  const { values } = change;
  const { min, end, zeros } = SURELY_SENDABLE[type];
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < values.length; i++) {
    const word = bits[i] ?? 0;
    const magnitude = word & 0x7fffffff;
    if ((word & zeros) === 0 && magnitude >= min && magnitude < end) continue;
    const value = values[i] ?? 0;
    if (!isSendable(type, value) || roundTo(type, value) !== value) throw notSendable(change, i);
  }
}

function checkInt8(change: StateChange): void {
  const { values } = change;
  const scales = scalesOf(change, Math.ceil(values.length / INT8_BLOCK));
  for (let block = 0; block < scales.length; block++) {
    const scale = scales[block] ?? 0;
    if (!(scale >= 0) || Object.is(scale, -0)) throw badScale(scale, "0 or more");
    const end = Math.min(values.length, (block + 1) * INT8_BLOCK);
    for (let i = block * INT8_BLOCK; i < end; i++) {
      const q = int8Of(values[i] ?? 0, scale);
      const isExact = Object.is(Math.fround(scale * q), values[i]);
      if (!isExact || q < -127 || q > 127) throw notSendable(change, i);
    }
  }
}

/** The whole number that makes `value` from `scale`, if there is one. */
export function int8Of(value: number, scale: number): number {
  // Not −0, which no whole number of 8 bits can tell from 0.
  return scale === 0 ? 0 : Math.round(value / scale) | 0;
}

function checkSign(change: StateChange, layout: StateLayout): void {
  const runs = entryRuns(layout, change.indices);
  const means = scalesOf(change, runs.length);
  for (const [at, { from, to }] of runs.entries()) {
    const mean = means[at] ?? 0;
    if (!(mean > 0)) throw badScale(mean, "above 0");
    for (let i = from; i < to; i++) {
      if (Math.abs(change.values[i] ?? 0) !== mean) throw notSendable(change, i);
    }
  }
}

function scalesOf({ scales, valueType }: StateChange, expected: number): Float32Array {
  const count = scales?.length ?? 0;
  if (count !== expected) {
    throw new ShapeError(`Update of ${valueType} has ${count} scales, not ${expected}`);
  }
  for (const scale of scales ?? []) {
    if (!Number.isFinite(scale)) throw badScale(scale, "finite");
  }
  return scales ?? new Float32Array(0);
}

function badScale(scale: number, wanted: string): ValueRangeError {
  return new ValueRangeError(`Update scale ${scale} is not ${wanted}`, { scale });
}

function notSendable({ indices, values, valueType }: StateChange, at: number): ValueRangeError {
  const index = indices[at];
  const value = values[at];
  return new ValueRangeError(`Update value ${value} at ${index} cannot be sent as ${valueType}`, {
    index,
    value,
  });
}
