/** Random uses of every operator, for checking gradients. */
import { type Shape, sizeOf, type Tensor, tensor } from "@everfresh/core";
import fc from "fast-check";
import type { Attribute, Attributes } from "../graph/graph.ts";
import type { OperatorKind } from "../graph/operator-kind.ts";
import { noise, type OperatorCase } from "./gradient-check.fixture.ts";
import { nonDifferentiable } from "./operator.ts";

/** How to draw uses of one operator. */
export type CaseSource = fc.Arbitrary<OperatorCase> | typeof nonDifferentiable;

const seeds = fc.integer({ min: 0, max: 999 });
const sizes = fc.integer({ min: 1, max: 4 });
const shapes = fc.array(sizes, { minLength: 1, maxLength: 4 });
const flags = fc.boolean();

const int = (value: number): Attribute => ({ kind: "int", value });
const ints = (value: readonly number[]): Attribute => ({ kind: "ints", value });
const float = (value: number): Attribute => ({ kind: "float", value });

/** Values in [−1, 1]. */
function smooth(seed: number, shape: Shape, offset = 0): Tensor {
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => noise(seed, i) + offset);
  return tensor("float32", shape, data);
}

/** Values at least 0.25 from 0 and 0.5 from each other, in random order: far from every kink. */
function separated(seed: number, shape: Shape): Tensor {
  const count = sizeOf(shape);
  const order = Array.from({ length: count }, (_, i) => i);
  order.sort((a, b) => noise(seed, a) - noise(seed, b));
  const data = Float32Array.from(order, (rank) => 0.5 * (rank - Math.floor(count / 2)) + 0.25);
  return tensor("float32", shape, data);
}

function integers(values: readonly number[], shape: Shape = [values.length]): Tensor {
  return tensor("int64", shape, BigInt64Array.from(values, BigInt));
}

function unary(make: (seed: number, shape: Shape) => Tensor): CaseSource {
  return fc
    .record({ shape: shapes, seed: seeds })
    .map(({ shape, seed }) => ({ attributes: {}, inputs: [make(seed, shape)] }));
}

/** Two shapes that broadcast: some sizes replaced by 1, some leading sizes left out. */
function binary(divisor: boolean): CaseSource {
  const axis = fc.record({ size: sizes, left: flags, right: flags });
  return fc
    .record({
      axes: fc.array(axis, { minLength: 1, maxLength: 4 }),
      dropLeft: fc.integer({ min: 0, max: 3 }),
      dropRight: fc.integer({ min: 0, max: 3 }),
      seed: seeds,
    })
    .map(({ axes, dropLeft, dropRight, seed }) => {
      const left = axes.map(({ size, left }) => (left ? 1 : size)).slice(dropLeft);
      const right = axes.map(({ size, right }) => (right ? 1 : size)).slice(dropRight);
      return {
        attributes: {},
        inputs: [smooth(seed, left), smooth(seed + 1, right, divisor ? 2.5 : 0)],
      };
    });
}

const gemm: CaseSource = fc
  .record({
    m: sizes,
    n: sizes,
    k: sizes,
    transA: flags,
    transB: flags,
    bias: fc.constantFrom("none", "scalar", "row", "column", "full"),
    alpha: fc.constantFrom(1, 0.5),
    beta: fc.constantFrom(1, -2),
    seed: seeds,
  })
  .map(({ m, n, k, transA, transB, bias, alpha, beta, seed }) => {
    const shapeOfBias = { none: null, scalar: [1], row: [n], column: [m, 1], full: [m, n] }[bias];
    return {
      attributes: {
        transA: int(transA ? 1 : 0),
        transB: int(transB ? 1 : 0),
        alpha: float(alpha),
        beta: float(beta),
      },
      inputs: [
        smooth(seed, transA ? [k, m] : [m, k]),
        smooth(seed + 1, transB ? [n, k] : [k, n]),
        ...(shapeOfBias === null ? [] : [smooth(seed + 2, shapeOfBias)]),
      ],
    };
  });

const matMul: CaseSource = fc
  .record({
    m: sizes,
    n: sizes,
    k: sizes,
    batches: fc.constantFrom<readonly [Shape, Shape]>(
      [[], []],
      [[3], []],
      [[2, 3], []],
      [[], [3]],
      [[2, 3], [3]],
      [
        [2, 1],
        [1, 3],
      ],
    ),
    vector: fc.constantFrom("none", "left", "right", "both"),
    seed: seeds,
  })
  .map(({ m, n, k, batches: [left, right], vector, seed }) => {
    const a = vector === "left" || vector === "both" ? [k] : [...left, m, k];
    const b = vector === "right" || vector === "both" ? [k] : [...right, k, n];
    return { attributes: {}, inputs: [smooth(seed, a), smooth(seed + 1, b)] };
  });

const pairs = (max: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max }), { minLength: 2, maxLength: 2 });

/** A window over an image that is large enough for it. */
const windows = fc
  .record({
    n: fc.integer({ min: 1, max: 2 }),
    kernel: pairs(5),
    strides: pairs(3),
    dilations: fc.oneof({ weight: 3, arbitrary: fc.constant([1, 1]) }, pairs(2)),
    rest: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 2, maxLength: 2 }),
    pads: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }),
    autoPad: fc.constantFrom("NOTSET", "NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"),
    plain: flags,
    seed: seeds,
  })
  .map(({ n, kernel, strides, dilations, rest, pads, autoPad, plain, seed }) => {
    const image = kernel.map((k, i) => (dilations[i] ?? 1) * (k - 1) + 1 + (rest[i] ?? 0));
    // With SAME, ONNX Runtime refuses dilations, and strides above the kernel's size when pooling.
    const same = autoPad.startsWith("SAME");
    const fitting = strides.map((stride, i) => (same ? Math.min(stride, kernel[i] ?? 1) : stride));
    const attributes: Attributes = {
      kernel_shape: ints(kernel),
      strides: ints(plain ? [1, 1] : fitting),
      dilations: ints(plain || same ? [1, 1] : dilations),
      ...(autoPad === "NOTSET"
        ? // Padding smaller than the kernel, as pooling demands.
          { pads: ints(pads.map((pad, i) => Math.min(pad, (kernel[i % 2] ?? 1) - 1))) }
        : { auto_pad: { kind: "string", value: autoPad } as const }),
    };
    return { n, kernel, image, attributes, seed };
  });

const conv: CaseSource = fc
  .record({
    window: windows,
    groups: fc.constantFrom(1, 1, 2, 3),
    // Few, some and many channels take different formulations.
    channels: fc.constantFrom(1, 2, 7, 16),
    filters: fc.constantFrom(1, 2, 9),
    bias: flags,
  })
  .map(({ window, groups, channels, filters, bias }) => {
    const { n, kernel, image, attributes, seed } = window;
    return {
      attributes: { ...attributes, group: int(groups) },
      inputs: [
        smooth(seed, [n, channels * groups, ...image]),
        smooth(seed + 1, [filters * groups, channels, ...kernel]),
        ...(bias ? [smooth(seed + 2, [filters * groups])] : []),
      ],
    };
  });

const maxPool: CaseSource = fc
  .record({ window: windows, channels: sizes, ceil: flags })
  .map(({ window: { n, image, attributes, seed }, channels, ceil }) => ({
    attributes: { ...attributes, ceil_mode: int(ceil ? 1 : 0) },
    inputs: [separated(seed, [n, channels, ...image])],
  }));

const averagePool: CaseSource = fc
  .record({ window: windows, channels: sizes, include: flags, ceil: flags })
  .map(({ window: { n, image, attributes, seed }, channels, include, ceil }) => ({
    attributes: {
      ...attributes,
      count_include_pad: int(include ? 1 : 0),
      ceil_mode: int(ceil ? 1 : 0),
    },
    inputs: [smooth(seed, [n, channels, ...image])],
  }));

const tiledPool = (make: typeof smooth): fc.Arbitrary<OperatorCase> =>
  fc
    .record({
      n: sizes,
      c: sizes,
      kernel: pairs(3),
      // 17 columns take another formulation than few.
      count: fc.tuple(sizes, fc.constantFrom(1, 2, 3, 17)),
      seed: seeds,
    })
    .map(({ n, c, kernel, count, seed }) => ({
      attributes: { kernel_shape: ints(kernel), strides: ints(kernel) },
      inputs: [make(seed, [n, c, ...kernel.map((k, i) => k * (count[i] ?? 1))])],
    }));

const withAxis: CaseSource = fc
  .record({ shape: shapes, at: fc.integer({ min: -4, max: 3 }), seed: seeds })
  .map(({ shape, at, seed }) => {
    const rank = shape.length;
    return {
      attributes: { axis: int(at < 0 ? -1 - (-at % rank) : at % rank) },
      inputs: [smooth(seed, shape)],
    };
  });

const reduction: CaseSource = fc
  .record({
    shape: shapes,
    chosen: fc.array(flags, { minLength: 4, maxLength: 4 }),
    keep: flags,
    seed: seeds,
  })
  .map(({ shape, chosen, keep, seed }) => {
    const axes = shape.flatMap((_, i) => (chosen[i] === true ? [i - shape.length] : []));
    return {
      attributes: { keepdims: int(keep ? 1 : 0) },
      inputs: [smooth(seed, shape), ...(axes.length > 0 ? [integers(axes)] : [])],
    };
  });

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

const slice: CaseSource = fc
  .record({ shape: shapes, from: sizes, at: sizes, seed: seeds })
  .map(({ shape, from, at, seed }) => {
    const axis = at % shape.length;
    const start = from % (shape[axis] ?? 1);
    return {
      attributes: {},
      inputs: [smooth(seed, shape), integers([start]), integers([1_000_000]), integers([axis])],
    };
  });

/** Uses of every operator that has a gradient; the others are named so that none is forgotten. */
export const OPERATOR_CASES: { readonly [K in OperatorKind]: CaseSource } = {
  Add: binary(false),
  AveragePool: fc.oneof(averagePool, tiledPool(smooth)),
  Cast: nonDifferentiable,
  Concat: concat,
  Conv: conv,
  Div: binary(true),
  Exp: unary(smooth),
  Flatten: flatten,
  Gather: nonDifferentiable,
  Gemm: gemm,
  GlobalAveragePool: tiledPool(smooth).map(({ inputs }) => ({ attributes: {}, inputs })),
  Identity: unary(smooth),
  LogSoftmax: withAxis,
  MatMul: matMul,
  MaxPool: fc.oneof(maxPool, tiledPool(separated)),
  Mul: binary(false),
  Neg: unary(smooth),
  ReduceMean: reduction,
  ReduceSum: reduction,
  Relu: unary(separated),
  Reshape: reshape,
  Shape: nonDifferentiable,
  Sigmoid: unary(smooth),
  Slice: slice,
  Softmax: withAxis,
  Sqrt: unary((seed, shape) => smooth(seed, shape, 2)),
  Squeeze: squeeze,
  Sub: binary(false),
  Tanh: unary(smooth),
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
