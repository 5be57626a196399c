/** Random uses of every operator, for checking gradients. */
import type { Shape } from "@everfresh/core";
import fc from "fast-check";
import type { Attributes } from "../graph/graph.ts";
import type { OperatorKind } from "../graph/operator-kind.ts";
import {
  type CaseSource,
  flags,
  float,
  int,
  integers,
  ints,
  seeds,
  separated,
  shapes,
  sizes,
  smooth,
} from "./case-source.fixture.ts";
import {
  ACTIVATION_CASES,
  ARITHMETIC_CASES,
  COMPARISON_CASES,
  SELECTION_CASES,
  SHAPE_CASES,
} from "./elementwise-cases.fixture.ts";
import type { OperatorCase } from "./gradient-check.fixture.ts";
import { INDEXING_CASES, RESAMPLING_CASES } from "./indexing-cases.fixture.ts";
import { MOVEMENT_CASES, PARTITION_CASES } from "./movement-cases.fixture.ts";
import {
  BATCH_NORMALIZATION_CASES,
  EINSUM_CASES,
  NORMALISATION_CASES,
} from "./normalisation-cases.fixture.ts";
import { RECURRENT_CASES } from "./recurrent-cases.fixture.ts";
import { REDUCTION_CASES } from "./reduction-cases.fixture.ts";
import { CONV_TRANSPOSE_CASES } from "./transposed-convolution-cases.fixture.ts";

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

const cumSum: CaseSource = fc
  .record({ shape: shapes, at: fc.nat(3), exclusive: flags, reverse: flags, seed: seeds })
  .map(({ shape, at, exclusive, reverse, seed }) => ({
    attributes: { exclusive: int(exclusive ? 1 : 0), reverse: int(reverse ? 1 : 0) },
    inputs: [smooth(seed, shape), integers([at % shape.length], [])],
  }));

/** Uses of every operator that has a gradient; the others are named so that none is forgotten. */
export const OPERATOR_CASES: { readonly [K in OperatorKind]: CaseSource } = {
  ...ACTIVATION_CASES,
  ...ARITHMETIC_CASES,
  ...COMPARISON_CASES,
  ...INDEXING_CASES,
  ...MOVEMENT_CASES,
  ...NORMALISATION_CASES,
  ...PARTITION_CASES,
  ...RECURRENT_CASES,
  ...REDUCTION_CASES,
  ...RESAMPLING_CASES,
  ...SELECTION_CASES,
  ...SHAPE_CASES,
  AveragePool: fc.oneof(averagePool, tiledPool(smooth)),
  BatchNormalization: BATCH_NORMALIZATION_CASES,
  Conv: conv,
  ConvTranspose: CONV_TRANSPOSE_CASES,
  CumSum: cumSum,
  Einsum: EINSUM_CASES,
  Gemm: gemm,
  GlobalAveragePool: tiledPool(smooth).map(({ inputs }) => ({ attributes: {}, inputs })),
  GlobalMaxPool: tiledPool(separated).map(({ inputs }) => ({ attributes: {}, inputs })),
  LogSoftmax: withAxis,
  MatMul: matMul,
  MaxPool: fc.oneof(maxPool, tiledPool(separated)),
  Softmax: withAxis,
};
