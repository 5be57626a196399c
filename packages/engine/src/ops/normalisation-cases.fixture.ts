/** Random uses of normalisation, and of sums of products. */
import type { Shape } from "@everfresh/core";
import fc from "fast-check";
import type { NormalisationKind } from "../graph/operator-kind.ts";
import {
  awayFromZero,
  type CaseSource,
  flags,
  float,
  int,
  seeds,
  shapes,
  sizes,
  smooth,
  text,
} from "./case-source.fixture.ts";

// Finite differences of a normalised row are good only where it varies: at least four elements.
const layer: CaseSource = fc
  .record({ shape: shapes, at: sizes, bias: flags, fromEnd: flags, seed: seeds })
  .map(({ shape, at, bias, fromEnd, seed }) => {
    const long = [...shape, 5];
    const axis = at % long.length;
    const rest = long.slice(axis);
    return {
      attributes: { axis: int(fromEnd ? axis - long.length : axis), epsilon: float(0.1) },
      inputs: [
        smooth(seed, long),
        smooth(seed + 1, rest),
        ...(bias ? [smooth(seed + 2, rest)] : []),
      ],
    };
  });

const group: CaseSource = fc
  .record({
    n: sizes,
    groups: sizes,
    each: fc.integer({ min: 1, max: 3 }),
    image: fc.array(fc.integer({ min: 2, max: 3 }), { minLength: 1, maxLength: 2 }),
    seed: seeds,
  })
  .map(({ n, groups, each, image, seed }) => {
    const channels = groups * each;
    return {
      attributes: { num_groups: int(groups), epsilon: float(0.1) },
      inputs: [
        smooth(seed, [n, channels, 2, ...image]),
        smooth(seed + 1, [channels]),
        smooth(seed + 2, [channels]),
      ],
    };
  });

const instance: CaseSource = fc
  .record({
    n: sizes,
    c: sizes,
    image: fc.array(fc.integer({ min: 2, max: 3 }), { minLength: 1, maxLength: 2 }),
    seed: seeds,
  })
  .map(({ n, c, image, seed }) => ({
    attributes: { epsilon: float(0.1) },
    inputs: [smooth(seed, [n, c, 3, ...image]), smooth(seed + 1, [c]), smooth(seed + 2, [c])],
  }));

const lp: CaseSource = fc
  .record({ shape: shapes, at: sizes, p: fc.constantFrom(1, 2), seed: seeds })
  .map(({ shape, at, p, seed }) => {
    const long: Shape = [...shape, 4];
    // At least one element far from 0 in every row keeps the curvature small.
    return {
      attributes: { axis: int(at % 2 === 0 ? -1 : shape.length), p: int(p) },
      inputs: [p === 1 ? awayFromZero(seed, long) : smooth(seed, long, 1.5)],
    };
  });

/** Uses of normalisation. */
export const NORMALISATION_CASES: { readonly [K in NormalisationKind]: CaseSource } = {
  GroupNormalization: group,
  InstanceNormalization: instance,
  LayerNormalization: layer,
  LpNormalization: lp,
};

/** Normalisation by running statistics, which are constants to the gradient. */
export const BATCH_NORMALIZATION_CASES: CaseSource = fc
  .record({
    n: sizes,
    c: sizes,
    image: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
    epsilon: fc.constantFrom(1e-5, 0.1),
    seed: seeds,
  })
  .map(({ n, c, image, epsilon, seed }) => ({
    attributes: { epsilon: float(epsilon), momentum: float(0.8) },
    inputs: [
      smooth(seed, [n, c, ...image]),
      smooth(seed + 1, [c]),
      smooth(seed + 2, [c]),
      smooth(seed + 3, [c]),
      smooth(seed + 4, [c], 1.5),
    ],
    constants: [3, 4],
  }));

const EQUATIONS = [
  "ij,jk->ik",
  "ij,kj->ik",
  "bij,bjk->bik",
  "bhid,bhjd->bhij",
  "bhij,bhjd->bhid",
  "bi,bo,boi->b",
  "ij->ji",
  "ij->i",
  "i,j->ij",
  "bij,bij->b",
  "ik, kj",
  "...ij,...jk->...ik",
  "...d,de->...e",
  "b...,b->...b",
];

/** Sums of products. */
export const EINSUM_CASES: CaseSource = fc
  .record({
    equation: fc.constantFrom(...EQUATIONS),
    dimensions: fc.array(sizes, { minLength: 26, maxLength: 26 }),
    seed: seeds,
  })
  .map(({ equation, dimensions, seed }) => {
    const [left = ""] = equation.replaceAll(" ", "").split("->");
    const shapesOf = left
      .split(",")
      // Under an ellipsis lie as many dimensions as the seed says.
      .map((term) => term.replace("...", "xyz".slice(seed % 4)))
      .map((term) => Array.from(term, (letter) => dimensions[letter.charCodeAt(0) - 97] ?? 1));
    return {
      attributes: { equation: text(equation) },
      inputs: shapesOf.map((shape, i) => smooth(seed + i, shape)),
    };
  });
