/**
 * Sequences cut into steps, in the order in which a recurrent layer reads them. A layer of one
 * direction works on matrices [batch, n], one of two directions on pairs of them [2, batch, n] of
 * which the second comes from the end of the sequence.
 */
import { assert, type Shape } from "@everfresh/core";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { add, concatenate, matMul, reshape, reverse, sizeAt } from "../graph/expressions.ts";
import type { GraphNode } from "../graph/graph.ts";
import { isReversed, type RecurrentSizes } from "./recurrent.ts";

/** The recurrent layer that a graph is built for. */
export interface Recurrence {
  readonly builder: GraphBuilder;
  readonly node: GraphNode;
  readonly sizes: RecurrentSizes;
}

/** Consecutive parts of x of the given sizes along `axis`. */
export function split(
  builder: GraphBuilder,
  x: Value,
  axis: number,
  sizes: readonly number[],
): readonly Value[] {
  if (sizes.length === 1) return [x];
  const parts = sizes.map((size) => ({ dtype: x.dtype, shape: x.shape.with(axis, size) }));
  const attributes = { axis: { kind: "int", value: axis } } as const;
  return builder.emitAll("Split", [x, builder.ints(sizes)], parts, attributes);
}

/** Parts of equal size along the last axis. */
export function splitColumns(builder: GraphBuilder, x: Value, count: number): readonly Value[] {
  const axis = x.shape.length - 1;
  const size = sizeAt(x.shape, axis) / count;
  return split(builder, x, axis, new Array<number>(count).fill(size));
}

/** The shape of `columns` numbers per sample at one step. */
export function stepShape({ sizes }: Recurrence, columns: number): Shape {
  const { directions, batch } = sizes;
  return directions === 1 ? [batch, columns] : [directions, batch, columns];
}

/** One tensor [steps, batch, n] per direction, in the sequence's order, as steps one below the other. */
export function joinDirections(layer: Recurrence, parts: readonly Value[]): Value {
  const { builder, sizes } = layer;
  const { steps, directions, batch } = sizes;
  const columns = sizeAt(parts[0]?.shape ?? [], -1);
  const ordered = inReadingOrder(layer, parts);
  if (directions === 1) {
    const [only] = ordered;
    assert(only !== undefined, "a layer has a direction");
    return reshape(builder, only, [steps * batch, columns]);
  }
  const pairs = ordered.map((part) => reshape(builder, part, [steps, 1, batch, columns]));
  return reshape(builder, concatenate(builder, pairs, 1), [steps * directions, batch, columns]);
}

/** The reverse of {@link joinDirections}. */
export function partDirections(layer: Recurrence, joined: Value): readonly Value[] {
  const { builder, sizes } = layer;
  const { steps, directions, batch } = sizes;
  const columns = sizeAt(joined.shape, -1);
  const pairs = reshape(builder, joined, [steps, directions, batch, columns]);
  const parts = split(builder, pairs, 1, new Array<number>(directions).fill(1));
  const flat = parts.map((part) => reshape(builder, part, [steps, batch, columns]));
  return inReadingOrder(layer, flat);
}

/** Every direction's part of steps as a matrix of all steps' rows, in reading order. */
export function rowsOfDirections(layer: Recurrence, joined: Value): readonly Value[] {
  const { builder, sizes } = layer;
  const { steps, directions, batch } = sizes;
  const columns = sizeAt(joined.shape, -1);
  if (directions === 1) return [joined];
  const pairs = reshape(builder, joined, [steps, directions, batch, columns]);
  const parts = split(builder, pairs, 1, [1, 1]);
  return parts.map((part) => reshape(builder, part, [steps * batch, columns]));
}

/** The parts with those turned round in time that are read from the end. */
function inReadingOrder({ builder, node }: Recurrence, parts: readonly Value[]): readonly Value[] {
  return parts.map((part, i) => (isReversed(node, i) ? reverse(builder, part, [0]) : part));
}

/** Each step of a tensor that {@link joinDirections} or {@link joinSteps} made. */
export function partSteps({ builder, sizes }: Recurrence, joined: Value): readonly Value[] {
  const { steps } = sizes;
  const rows = sizeAt(joined.shape, 0) / steps;
  return split(builder, joined, 0, new Array<number>(steps).fill(rows));
}

/** Steps one below the other. */
export function joinSteps({ builder }: Recurrence, steps: readonly Value[]): Value {
  return concatenate(builder, steps, 0);
}

/** A tensor with one slice per direction, such as weights, as the product of a step takes it. */
export function perDirection({ builder, sizes }: Recurrence, x: Value): Value {
  return sizes.directions === 1 ? reshape(builder, x, x.shape.slice(1)) : x;
}

/** The slices of a tensor with one slice per direction. */
export function sliceDirections({ builder, sizes }: Recurrence, x: Value): readonly Value[] {
  const ones = new Array<number>(sizes.directions).fill(1);
  return split(builder, x, 0, ones).map((part) => reshape(builder, part, part.shape.slice(1)));
}

/** state · weights + addend, for each direction. */
export function stepProduct(
  { builder, sizes }: Recurrence,
  state: Value,
  weights: Value,
  addend: Value | null,
): Value {
  if (sizes.directions === 1) return affine(builder, state, weights, addend);
  const product = matMul(builder, state, weights);
  return addend === null ? product : add(builder, product, addend);
}

/** x · w + addend of matrices; the addend broadcasts. */
export function affine(
  builder: GraphBuilder,
  x: Value,
  w: Value,
  addend: Value | null,
  { transposeW = false }: { readonly transposeW?: boolean } = {},
): Value {
  const shape = [sizeAt(x.shape, 0), sizeAt(w.shape, transposeW ? 0 : 1)];
  return builder.emit(
    "Gemm",
    addend === null ? [x, w] : [x, w, addend],
    { dtype: x.dtype, shape },
    { transB: { kind: "int", value: transposeW ? 1 : 0 } },
  );
}

/** Elements of gates that are worked on at once: what stays in a core's second-level cache. */
const CHUNK_ELEMENTS_MAX = 32_768;

/**
 * Computes values for every step from others of the same step, for several steps at once: one
 * operator on a few steps is faster than one on each, and than one on all, which leave the cache.
 * @param gates how many numbers a step has for each element of its state
 */
export function forAllSteps<S extends string, F extends string>(
  layer: Recurrence,
  gates: number,
  given: Readonly<Record<S, readonly Value[]>>,
  compute: (joined: Readonly<Record<S, Value>>) => Readonly<Record<F, Value>>,
): readonly Readonly<Record<F, Value>>[] {
  const { builder, sizes } = layer;
  const { steps, directions, batch, hidden } = sizes;
  const elements = gates * directions * batch * hidden;
  const count = Math.max(1, Math.floor(CHUNK_ELEMENTS_MAX / elements));
  const lists = Object.entries(given) as [S, readonly Value[]][];
  const results: Readonly<Record<F, Value>>[] = [];
  for (let start = 0; start < steps; start += count) {
    const length = Math.min(count, steps - start);
    const joined = lists.map(([name, values]): [S, Value] => {
      return [name, joinSteps(layer, values.slice(start, start + length))];
    });
    const computed = compute(Object.fromEntries(joined) as Record<S, Value>);
    const parts = (Object.entries(computed) as [F, Value][]).map(([name, value]) => {
      const rows = sizeAt(value.shape, 0) / length;
      return [name, split(builder, value, 0, new Array<number>(length).fill(rows))] as const;
    });
    for (let i = 0; i < length; i++) {
      const step = parts.map(([name, values]) => [name, values[i]] as const);
      results.push(Object.fromEntries(step) as Record<F, Value>);
    }
  }
  return results;
}

/** a + b, where either may be missing. */
export function total(
  builder: GraphBuilder,
  a: Value | null | undefined,
  b: Value | null | undefined,
): Value | null {
  return a && b ? add(builder, a, b) : (a ?? b ?? null);
}
