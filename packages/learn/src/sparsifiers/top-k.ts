import {
  assert,
  dataOf,
  type BufferChange,
  isAbsolute,
  type ModelState,
  type StateChange,
  type ValueType,
  viewOf,
} from "@everfresh/core";
import { LearnOptionError, NonFiniteParameterError } from "../errors.ts";
import { RadixSelect } from "./radix-select.ts";
import { differencesOf, incrementsOf } from "./increments.ts";
import { roundAllTo } from "./rounding.ts";
import type { Sparsifier } from "./sparsifier.ts";

/** Options of {@link topK}. */
export interface TopKOptions {
  /** Share of all parameters that an update carries, above 0, at most 1. */
  readonly ratio: number;
  /**
   * How values travel.
   * @default "float32"
   */
  readonly valueType?: ValueType;
}

/**
 * The k parameters in which the deployed state `x̂` is furthest from the trained state `θ`:
 *
 *   rank_i = |round(θ_i) − x̂_i|,  k = max(1, round(ratio · parameters))
 *
 * over all parameters together; equal ones are skipped, ties go to the lower index. Ranking by the
 * rounded value matters: by `|θ − x̂|` entries whose rounded value is already sent would win again.
 * Increments (`int8`, `sign`) rank by `|θ − x̂|`: what rounding leaves is in the next difference.
 * Buffers that differ in any bit are sent whole. O(parameters), without sorting.
 * @throws LearnOptionError for a ratio that is not above 0 and at most 1
 */
export function topK(options: TopKOptions): Sparsifier {
  return new TopK(options);
}

class TopK implements Sparsifier {
  readonly #ratio: number;
  readonly #valueType: ValueType;
  // Scratch of the size of the model, kept so that a step allocates only what it sends.
  #ranks: Float32Array<ArrayBuffer> = new Float32Array(0);
  #rounded: Float32Array<ArrayBuffer> = new Float32Array(0);
  readonly #radix = new RadixSelect();
  #unsendable = 0;

  constructor({ ratio, valueType = "float32" }: TopKOptions) {
    if (!(ratio > 0 && ratio <= 1)) {
      throw new LearnOptionError("ratio", ratio, "above 0 and at most 1");
    }
    this.#ratio = ratio;
    this.#valueType = valueType;
  }

  get unsendable(): number {
    return this.#unsendable;
  }

  select(trained: ModelState, deployed: ModelState): StateChange {
    const count = trained.layout.parameterCount;
    assert(deployed.layout.parameterCount === count, "states of different layouts");
    if (this.#ranks.length !== count) this.#ranks = new Float32Array(count);
    const type = isAbsolute(this.#valueType) ? this.#valueType : "float32";
    const rounded = roundAllTo[type](trained.parameters, () => {
      if (this.#rounded.length !== count) this.#rounded = new Float32Array(count);
      return this.#rounded;
    });
    this.#unsendable = rank(rounded, deployed.parameters, this.#ranks);
    if (this.#unsendable > 0) assertFinite(trained);
    const k = Math.max(1, Math.round(this.#ratio * count));
    const indices = this.#radix.largest(this.#ranks, k);
    const entries = valuesOf(this.#valueType, indices, rounded, deployed);
    return { ...entries, indices, buffers: changedBuffers(trained, deployed) };
  }
}

/** What leads from the deployed parameters to the wanted ones, in the form of the value type. */
function valuesOf(
  valueType: ValueType,
  indices: Uint32Array,
  wanted: Float32Array,
  { parameters, layout }: ModelState,
): Pick<StateChange, "valueType" | "values" | "scales"> {
  if (valueType === "int8" || valueType === "sign") {
    const differences = differencesOf(indices, wanted, parameters);
    return { valueType, ...incrementsOf[valueType](differences, layout, indices) };
  }
  // Through words: xor makes bits that are no number, and they must stay as they are.
  const words = new Uint32Array(indices.length);
  const source = new Uint32Array(wanted.buffer, wanted.byteOffset, wanted.length);
  for (let i = 0; i < words.length; i++) words[i] = source[indices[i] ?? 0] ?? 0;
  if (valueType === "float32Xor") {
    const old = new Uint32Array(parameters.buffer, parameters.byteOffset, parameters.length);
    for (let i = 0; i < words.length; i++) words[i] = (words[i] ?? 0) ^ (old[indices[i] ?? 0] ?? 0);
  }
  return { valueType, values: new Float32Array(words.buffer) };
}

/** Writes |rounded − deployed|, 0 where `rounded` is not finite; returns how often it was not. */
function rank(rounded: Float32Array, deployed: Float32Array, ranks: Float32Array): number {
  // v − v is 0 for finite numbers and NaN for others: the sum tells whether there was one.
  let differences = 0;
  for (let i = 0; i < ranks.length; i++) {
    const value = rounded[i] ?? 0;
    differences += value - value;
    ranks[i] = Math.abs(value - (deployed[i] ?? 0));
  }
  return differences === 0 ? 0 : clearNotFinite(rounded, ranks);
}

function clearNotFinite(rounded: Float32Array, ranks: Float32Array): number {
  let notFinite = 0;
  for (let i = 0; i < ranks.length; i++) {
    if (Number.isFinite(rounded[i])) continue;
    ranks[i] = 0;
    notFinite++;
  }
  return notFinite;
}

/** Tells training that went astray from values that are only too large for the value type. */
function assertFinite({ layout, parameters }: ModelState): void {
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

function changedBuffers(trained: ModelState, deployed: ModelState): readonly BufferChange[] {
  const changes: BufferChange[] = [];
  trained.layout.tensors.forEach((entry, tensor) => {
    if (entry.role !== "buffer") return;
    const now = bytesOf(dataOf(trained, entry));
    const sent = bytesOf(dataOf(deployed, entry));
    if (now.every((byte, i) => byte === sent[i])) return;
    // A copy: the trained state goes on changing while the update travels.
    const copy = new Uint8Array(now);
    changes.push({ tensor, data: viewOf(entry.dtype, copy.buffer, 0, entry.length) });
  });
  return changes;
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
