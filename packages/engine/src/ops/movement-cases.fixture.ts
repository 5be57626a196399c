/** Random uses of operators that arrange, join and part. */
import { tensor } from "@everfresh/core";
import fc from "fast-check";
import type { MovementKind, PartitionKind } from "../graph/operator-kind.ts";
import {
  type CaseSource,
  flags,
  floats,
  int,
  integers,
  ints,
  seeds,
  shapes,
  sizes,
  smooth,
  text,
  unary,
} from "./case-source.fixture.ts";
import { noise, type OperatorCase } from "./gradient-check.fixture.ts";

const reshape: CaseSource = fc
  .record({ shape: shapes, kind: fc.constantFrom("flat", "split", "keep", "ones"), seed: seeds })
  .map(({ shape, kind, seed }) => {
    const target = { flat: [-1], split: [shape[0] ?? 1, -1], keep: [0, -1, 1], ones: [1, 1, -1] }[
      kind
    ];
    return { attributes: {}, inputs: [smooth(seed, shape), integers(target)] };
  });

const flatten: CaseSource = fc
  .record({ shape: shapes, axis: fc.integer({ min: 0, max: 4 }), seed: seeds })
  .map(({ shape, axis, seed }) => ({
    attributes: { axis: int(Math.min(axis, shape.length)) },
    inputs: [smooth(seed, shape)],
  }));

const transpose: CaseSource = fc
  .record({ shape: shapes, reversed: flags, seed: seeds })
  .map(({ shape, reversed, seed }) => {
    const order = shape.map((_, i) => i).sort((a, b) => noise(seed, a) - noise(seed, b));
    return { attributes: reversed ? {} : { perm: ints(order) }, inputs: [smooth(seed, shape)] };
  });

const squeeze: CaseSource = fc
  .record({ shape: shapes, all: flags, seed: seeds })
  .map(({ shape, all, seed }) => ({
    attributes: {},
    inputs: [smooth(seed, [1, ...shape, 1]), ...(all ? [] : [integers([0, -1])])],
  }));

const unsqueeze: CaseSource = fc.record({ shape: shapes, seed: seeds }).map(({ shape, seed }) => ({
  attributes: {},
  inputs: [smooth(seed, shape), integers([0, -1])],
}));

const concat: CaseSource = fc
  .record({ shape: shapes, others: fc.array(sizes, { maxLength: 2 }), at: sizes, seed: seeds })
  .map(({ shape, others, at, seed }) => {
    const axis = at % shape.length;
    const parts = others.map((size, i) =>
      smooth(
        seed + i + 1,
        shape.map((old, k) => (k === axis ? size : old)),
      ),
    );
    return { attributes: { axis: int(axis) }, inputs: [smooth(seed, shape), ...parts] };
  });

/** Any start, end and step, of either sign and also beyond the ends, along two axes. */
const slice: CaseSource = fc
  .record({
    rows: fc.integer({ min: 1, max: 7 }),
    shape: shapes,
    start: fc.integer({ min: -9, max: 8 }),
    length: fc.integer({ min: 0, max: 9 }),
    step: fc.constantFrom(1, 2, 3, -1, -2, -3),
    open: flags,
    seed: seeds,
  })
  .map(({ rows, shape, start, length, step, open, seed }) => {
    const from = Math.max(-rows, Math.min(start, rows - 1));
    const end = open ? Math.sign(step) * (2 ** 31 - 1) : from + Math.sign(step) * (length + 1);
    // Counting from the front, the element before the first is called after the last.
    const to = from >= 0 && end < 0 && !open ? -rows - 1 : end;
    const first = smooth(seed, [rows, ...shape]);
    return {
      attributes: {},
      inputs: [
        first,
        ...[
          [from, 0],
          [to, 2 ** 31 - 1],
          [0, -1],
          [step, 1],
        ].map((list) => integers(list)),
      ],
    };
  });

const padding: CaseSource = fc
  .record({
    shape: shapes,
    counts: fc.array(fc.integer({ min: -1, max: 2 }), { minLength: 8, maxLength: 8 }),
    style: fc.constantFrom("plain", "value", "axes"),
    seed: seeds,
  })
  .map(({ shape, counts, style, seed }): OperatorCase => {
    const rank = shape.length;
    const larger = shape.map((size) => size + 2);
    const attributes = { mode: text("constant") };
    if (style === "axes") {
      const pads = integers([counts[0] ?? 0, counts[1] ?? 0]);
      return { attributes, inputs: [smooth(seed, larger), pads, null, integers([-1])] };
    }
    const inputs = [smooth(seed, larger), integers(counts.slice(0, 2 * rank))];
    if (style === "plain") return { attributes: {}, inputs };
    return { attributes, inputs: [...inputs, floats([0.5], [])], constants: [2] };
  });

/** Padding with elements of the input once again. */
const repeating: CaseSource = fc
  .record({
    shape: shapes,
    counts: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 8, maxLength: 8 }),
    mode: fc.constantFrom("reflect", "edge", "wrap"),
    seed: seeds,
  })
  .map(({ shape, counts, mode, seed }): OperatorCase => {
    const rank = shape.length;
    const larger = shape.map((size) => size + 2);
    // No more than two axes: ONNX Runtime repeats only the last elements of more.
    const pads = counts.slice(0, 2 * rank);
    return { attributes: { mode: text(mode) }, inputs: [smooth(seed, larger), integers(pads)] };
  });

const trilu: CaseSource = fc
  .record({
    shape: shapes,
    k: fc.option(fc.integer({ min: -2, max: 2 })),
    upper: flags,
    seed: seeds,
  })
  .map(({ shape, k, upper, seed }) => ({
    attributes: { upper: int(upper ? 1 : 0) },
    inputs: [smooth(seed, [...shape, 3]), ...(k === null ? [] : [integers([k], [])])],
  }));

const expanded: CaseSource = fc
  .record({
    axes: fc.array(fc.record({ size: sizes, left: flags, right: flags }), {
      minLength: 1,
      maxLength: 4,
    }),
    drop: fc.integer({ min: 0, max: 3 }),
    seed: seeds,
  })
  .map(({ axes, drop, seed }) => ({
    attributes: {},
    inputs: [
      smooth(seed, axes.map(({ size, left }) => (left ? 1 : size)).slice(drop)),
      integers(axes.map(({ size, right }) => (right ? 1 : size))),
    ],
  }));

const tile: CaseSource = fc
  .record({
    shape: shapes,
    repeats: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 4, maxLength: 4 }),
    seed: seeds,
  })
  .map(({ shape, repeats, seed }) => ({
    attributes: {},
    inputs: [smooth(seed, shape), integers(repeats.slice(0, shape.length))],
  }));

const never = tensor("bool", [], Uint8Array.of(0));
const always = tensor("bool", [], Uint8Array.of(1));

/** All the ways to write that nothing is dropped. */
const dropout: CaseSource = fc
  .record({
    shape: shapes,
    rest: fc.constantFrom([], [floats([0.5], [])], [null, never], [floats([0], []), always]),
    seed: seeds,
  })
  .map(({ shape, rest, seed }) => ({
    attributes: {},
    inputs: [smooth(seed, shape), ...rest],
    constants: [1],
  }));

/** Uses of operators that arrange elements. */
export const MOVEMENT_CASES: { readonly [K in MovementKind]: CaseSource } = {
  Dropout: dropout,
  Expand: expanded,
  Flatten: flatten,
  Identity: unary(smooth),
  Reshape: reshape,
  Squeeze: squeeze,
  Tile: tile,
  Transpose: transpose,
  Trilu: trilu,
  Unsqueeze: unsqueeze,
};

/** Uses of operators that join and part; Split into several is tested where import rewrites it. */
export const PARTITION_CASES: { readonly [K in PartitionKind]: CaseSource } = {
  Concat: concat,
  Pad: fc.oneof(padding, repeating),
  Slice: slice,
  Split: unary(smooth, fc.constant({ num_outputs: int(1), axis: int(-1) })),
};
