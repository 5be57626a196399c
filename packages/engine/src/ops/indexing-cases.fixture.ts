/** Random uses of operators that address elements, and of those that change resolution. */
import { type Shape, sizeOf } from "@everfresh/core";
import fc from "fast-check";
import type { IndexingKind, ResamplingKind } from "../graph/operator-kind.ts";
import {
  type CaseSource,
  flags,
  floats,
  int,
  integers,
  seeds,
  shapes,
  sizes,
  smooth,
  text,
} from "./case-source.fixture.ts";
import { noise, type OperatorCase } from "./gradient-check.fixture.ts";

/** Positions from −size to size − 1. */
function positions(seed: number, shape: Shape, size: number): readonly number[] {
  return Array.from({ length: sizeOf(shape) }, (_, i) =>
    Math.min(Math.floor(noise(seed + 7, i) * size), size - 1),
  );
}

const gather: CaseSource = fc
  .record({
    before: fc.array(sizes, { maxLength: 2 }),
    // Small and large tables take different formulations.
    size: fc.constantFrom(1, 2, 5, 5, 130),
    after: fc.array(sizes, { maxLength: 2 }),
    indices: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
    fromEnd: flags,
    seed: seeds,
  })
  .map(({ before, size, after, indices, fromEnd, seed }) => ({
    attributes: { axis: int(fromEnd ? -1 - after.length : before.length) },
    inputs: [
      smooth(seed, [...before, size, ...after]),
      integers(positions(seed, indices, size), indices),
    ],
  }));

/** Positions along one axis for each element of a smaller value. */
const along = fc
  .record({ shape: shapes, at: sizes, count: sizes, seed: seeds })
  .map(({ shape, at, count, seed }) => {
    const axis = at % shape.length;
    return { shape, axis, count, seed, size: shape[axis] ?? 1 };
  });

const gatherElements: CaseSource = along.map(({ shape, axis, count, seed, size }) => {
  const picked = shape.map((old, i) => (i === axis ? count : old));
  return {
    attributes: { axis: int(axis) },
    inputs: [smooth(seed, shape), integers(positions(seed, picked, size), picked)],
  };
});

/** Slices at positions in the first one or two dimensions. */
const gatherND: CaseSource = fc
  .record({
    rows: fc.constantFrom(1, 3, 50),
    columns: sizes,
    after: fc.array(sizes, { maxLength: 2 }),
    depth: fc.constantFrom(1, 2),
    count: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
    seed: seeds,
  })
  .map(({ rows, columns, after, depth, count, seed }): OperatorCase => {
    const leading = [rows, columns].slice(0, depth);
    const places = leading.map((size, i) => positions(seed + i, count, size));
    const tuples = Array.from({ length: sizeOf(count) }, (_, i) => places.map((p) => p[i] ?? 0));
    return {
      attributes: {},
      inputs: [smooth(seed, [rows, columns, ...after]), integers(tuples.flat(), [...count, depth])],
    };
  });

/** Writing must not meet twice in one place; adding may. */
const scatterElements: CaseSource = fc
  .record({ use: along, adds: flags })
  .map(({ use: { shape, axis, count, seed, size }, adds }) => {
    const written = adds ? count : Math.min(count, size);
    const picked = shape.map((old, i) => (i === axis ? written : old));
    const inner = sizeOf(shape.slice(axis + 1));
    const distinct = Array.from(
      { length: sizeOf(picked) },
      (_, i) => (Math.floor(i / inner) + seed) % size,
    );
    return {
      attributes: { axis: int(axis), ...(adds ? { reduction: text("add") } : {}) },
      inputs: [smooth(seed, shape), integers(distinct, picked), smooth(seed + 1, picked)],
    };
  });

/** Rows of a table, each written once. */
const scatterND: CaseSource = fc
  .record({ rows: sizes, rest: shapes, seed: seeds })
  .map(({ rows, rest, seed }): OperatorCase => {
    const written = Math.ceil(rows / 2);
    const places = Array.from({ length: written }, (_, i) => (i + seed) % rows);
    return {
      attributes: {},
      inputs: [
        smooth(seed, [rows, ...rest]),
        integers(places, [written, 1]),
        smooth(seed + 1, [written, ...rest]),
      ],
    };
  });

/** Uses of operators that address elements. */
export const INDEXING_CASES: { readonly [K in IndexingKind]: CaseSource } = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: scatterElements,
  ScatterND: scatterND,
};

/** Sizes and scales that say the same to ONNX Runtime as to us: no rounding decides a position. */
const resize: CaseSource = fc
  .record({
    image: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 3, maxLength: 4 }),
    wanted: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 2 }),
    factors: fc.array(fc.constantFrom(0.5, 1, 1.5, 2, 2, 3, 4), { minLength: 2, maxLength: 2 }),
    mode: fc.constantFrom("nearest", "linear", "cubic"),
    coordinates: fc.constantFrom("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"),
    nearest: fc.constantFrom("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
    bySizes: flags,
    seed: seeds,
  })
  .map(({ image, wanted, factors, mode, coordinates, nearest, bySizes, seed }): OperatorCase => {
    const scales = [1, 1, ...factors.slice(0, image.length - 2)];
    const sizesWanted = [...image.slice(0, 2), ...wanted.slice(0, image.length - 2)];
    // Something must remain.
    const scaled = image.map((size, i) => (size * (scales[i] ?? 1) < 1 ? 1 : (scales[i] ?? 1)));
    return {
      attributes: {
        // ONNX Runtime interpolates by cubes only in images.
        mode: text(mode === "cubic" && image.length < 4 ? "linear" : mode),
        coordinate_transformation_mode: text(coordinates),
        nearest_mode: text(nearest),
      },
      inputs: [
        smooth(seed, image),
        null,
        ...(bySizes ? [null, integers(sizesWanted)] : [floats(scaled)]),
      ],
      constants: [2],
    };
  });

const blocks = fc.record({
  n: sizes,
  c: sizes,
  h: sizes,
  w: sizes,
  block: fc.integer({ min: 1, max: 3 }),
  mode: fc.constantFrom("DCR", "CRD"),
  seed: seeds,
});

/** Uses of operators that change resolution. */
export const RESAMPLING_CASES: { readonly [K in ResamplingKind]: CaseSource } = {
  DepthToSpace: blocks.map(({ n, c, h, w, block, mode, seed }) => ({
    attributes: { blocksize: int(block), mode: text(mode) },
    inputs: [smooth(seed, [n, c * block * block, h, w])],
  })),
  Resize: resize,
  SpaceToDepth: blocks.map(({ n, c, h, w, block, seed }) => ({
    attributes: { blocksize: int(block) },
    inputs: [smooth(seed, [n, c, h * block, w * block])],
  })),
};
