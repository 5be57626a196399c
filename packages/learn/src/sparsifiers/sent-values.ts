/**
 * What is the same in all sparsifiers: from chosen parameters to what an update carries of them.
 */
import {
  type AbsoluteType,
  assert,
  isAbsolute,
  isSendable,
  type ModelState,
  roundTo,
  type StateChange,
  type ValueType,
} from "@everfresh/core";
import { NonFiniteParameterError } from "../errors.ts";
import { incrementsOf } from "./increments.ts";
import { roundAllTo } from "./rounding.ts";

/** What an update changes of the parameters: a change without buffers. */
export type Entries = Omit<StateChange, "buffers">;

/**
 * The type that a wanted value is rounded to before it is compared: increments leave it as it is.
 */
export function roundingOf(valueType: ValueType): AbsoluteType {
  return isAbsolute(valueType) ? valueType : "float32";
}

/**
 * What leads from the deployed parameters at `indices` to `wanted` ones, one for each index, which
 * are rounded to absolute types on the way.
 */
export function entriesOf(
  valueType: ValueType,
  indices: Uint32Array,
  wanted: Float32Array,
  deployed: ModelState,
): Entries {
  if (valueType === "int8" || valueType === "sign") {
    const old = gather(deployed.parameters, indices);
    const differences = wanted.map((value, i) => value - (old[i] ?? 0));
    return {
      valueType,
      indices,
      ...incrementsOf[valueType](differences, deployed.layout, indices),
    };
  }
  const type = roundingOf(valueType);
  const values = new Float32Array(wanted);
  roundAllTo[type](wanted, () => values);
  if (valueType !== "float32Xor") return { valueType, indices, values };
  // Words, never numbers: xor makes bits that are no number, and they must stay as they are.
  const words = new Uint32Array(values.buffer);
  const { parameters } = deployed;
  const old = new Uint32Array(parameters.buffer, parameters.byteOffset, parameters.length);
  for (let i = 0; i < words.length; i++) words[i] = (words[i] ?? 0) ^ (old[indices[i] ?? 0] ?? 0);
  return { valueType, indices, values };
}

/** `vector` at each of `indices`. */
export function gather(vector: Float32Array, indices: Uint32Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(indices.length);
  for (let i = 0; i < indices.length; i++) values[i] = vector[indices[i] ?? 0] ?? 0;
  return values;
}

/**
 * Those of `indices` that change a parameter when `wanted` arrives, and how many cannot be sent.
 */
export function worthSending(
  valueType: ValueType,
  indices: Uint32Array,
  wanted: (index: number) => number,
  deployed: Float32Array,
): { readonly indices: Uint32Array<ArrayBuffer>; readonly unsendable: number } {
  const type = roundingOf(valueType);
  let unsendable = 0;
  const kept = indices.filter((index) => {
    const value = Math.fround(wanted(index));
    if (isSendable(type, roundTo(type, value))) return roundTo(type, value) !== deployed[index];
    unsendable++;
    return false;
  });
  return { indices: kept, unsendable };
}

/**
 * Tells training that went astray from values that are only too large for a value type.
 * @throws NonFiniteParameterError
 */
export function assertFinite({ layout, parameters }: ModelState): void {
  const index = parameters.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  const entry = layout.tensors.findLast(({ wordOffset }) => wordOffset <= index);
  assert(entry !== undefined, `no tensor holds parameter ${index}`);
  throw new NonFiniteParameterError(
    entry.name,
    index - entry.wordOffset,
    parameters[index] ?? Number.NaN,
  );
}

/** Whether all parameters are finite, in one pass. */
export function areFinite(parameters: Float32Array): boolean {
  // v − v is 0 for finite numbers and NaN for others.
  let differences = 0;
  for (let i = 0; i < parameters.length; i++) {
    const value = parameters[i] ?? 0;
    differences += value - value;
  }
  return differences === 0;
}
