/**
 * QSGD (Alistarh, Grubic, Li, Tomioka, Vojnovic: "QSGD: communication-efficient SGD via gradient
 * quantization and encoding", 2017) of the difference v = θ − x̂ of each tensor,
 * with s = 2^bits − 1:
 *
 *   grid   = ‖v‖₂ / s, rounded up to bfloat16
 *   level  = ⌊|v_i| / grid⌋, or 1 more with the probability of what that leaves
 *   move_i = sign(v_i) · level · step
 *
 * Entries of level 0 are not sent. Unbiased, step = grid and the mean of the moves is v. Otherwise
 * step = grid / (1 + min(n / s², √n / s)), rounded to bfloat16, with which what is left shrinks, as
 * in CHOCO-SGD (Koloskova, Stich, Jaggi, 2019).
 *
 * How moves travel:
 *
 *   1 bit      as `sign`: step is the mean of the tensor
 *   2 to 8     as `int8`: step is the scale of a block of 64 entries and the level is its number. A
 *              block with entries of two tensors, or with a level above 127, has a scale of its
 *              own, so that 127 is its largest move, and its moves are rounded to that at random:
 *              still unbiased.
 *   9 to 16    as `float32`: the absolute value fround(x̂_i + move_i), 4 bytes
 */
import { INT8_BLOCK, type ModelState, type Random } from "@everfresh/core";
import { asScale, asScaleAbove } from "./increments.ts";
import { parameterTensors } from "./per-tensor.ts";
import type { Rule } from "./rule.ts";
import { areFinite, assertFinite, type Entries } from "./sent-values.ts";
import type { QsgdSpec } from "./sparsifier-spec.ts";

const LEVEL_MAX = 127;
const TWO_32 = 2 ** 32;

/** Moves of parameters of one tensor after the other, level · step each; levels have the sign. */
interface Moves {
  readonly indices: Uint32Array;
  readonly levels: Int32Array;
  /** Of each tensor that has entries. */
  readonly runs: readonly { readonly from: number; readonly to: number; readonly step: number }[];
}

/** The rule of the file's comment. */
export function qsgdRule({ bits, unbiased }: QsgdSpec, random: () => Random): Rule {
  const levels = 2 ** bits - 1;
  const form = bits === 1 ? FORMS.sign : bits <= 8 ? FORMS.int8 : FORMS.float32;
  return {
    choose: (trained, deployed) => {
      if (!areFinite(trained.parameters)) assertFinite(trained);
      const moves = movesOf(trained, deployed, { levels, unbiased, random: random() });
      return { entries: form(moves, deployed, random()), unsendable: 0 };
    },
  };
}

type Form = (moves: Moves, deployed: ModelState, random: Random) => Entries;

const FORMS: { readonly [F in "sign" | "int8" | "float32"]: Form } = {
  sign: (moves) => ({
    valueType: "sign",
    indices: moves.indices,
    values: amountsOf(moves),
    scales: Float32Array.from(moves.runs, ({ step }) => step),
  }),
  int8: (moves, _deployed, random) => int8Entries(moves, random),
  float32: (moves, { parameters }) => {
    const values = Float64Array.from(amountsOf(moves));
    for (let i = 0; i < values.length; i++) {
      values[i] = (values[i] ?? 0) + (parameters[moves.indices[i] ?? 0] ?? 0);
    }
    return { valueType: "float32", indices: moves.indices, values: Float32Array.from(values) };
  },
};

interface Quantisation {
  readonly levels: number;
  readonly unbiased: boolean;
  readonly random: Random;
}

function movesOf(
  { parameters, layout }: ModelState,
  deployed: ModelState,
  { levels: s, unbiased, random }: Quantisation,
): Moves {
  const indices: number[] = [];
  const levels: number[] = [];
  const runs: Moves["runs"][number][] = [];
  for (const { wordOffset, length } of parameterTensors(layout)) {
    const differences = Float64Array.from({ length }, (_, i) => {
      const at = wordOffset + i;
      return (parameters[at] ?? 0) - (deployed.parameters[at] ?? 0);
    });
    const norm = Math.sqrt(differences.reduce((sum, each) => sum + each * each, 0));
    if (norm === 0) continue;
    const grid = asScaleAbove(norm / s);
    const shrinking = 1 + Math.min(length / s ** 2, Math.sqrt(length) / s);
    const step = unbiased ? grid : asScale(grid / shrinking);
    if (step === 0) continue; // below the smallest number that there is
    const from = indices.length;
    for (let i = 0; i < length; i++) {
      const level = roundAtRandom((differences[i] ?? 0) / grid, random);
      if (level === 0) continue;
      indices.push(wordOffset + i);
      levels.push(level);
    }
    if (indices.length > from) runs.push({ from, to: indices.length, step });
  }
  return { indices: Uint32Array.from(indices), levels: Int32Array.from(levels), runs };
}

/** One of the two whole numbers beside `value`, so that the mean is `value`; without −0. */
function roundAtRandom(value: number, random: Random): number {
  const lower = Math.floor(value);
  const rest = value - lower;
  // Whole numbers take no random number.
  return rest > 0 && random.uint32() < rest * TWO_32 ? lower + 1 : lower + 0;
}

function amountsOf({ levels, runs }: Moves): Float32Array {
  const amounts = new Float32Array(levels.length);
  for (const { from, to, step } of runs) {
    for (let i = from; i < to; i++) amounts[i] = step * (levels[i] ?? 0);
  }
  return amounts;
}

function int8Entries(moves: Moves, random: Random): Entries {
  const { indices, levels, runs } = moves;
  const amounts = amountsOf(moves);
  const values = new Float32Array(amounts.length);
  const scales = new Float32Array(Math.ceil(amounts.length / INT8_BLOCK));
  let run = 0;
  for (let block = 0; block < scales.length; block++) {
    const from = block * INT8_BLOCK;
    const to = Math.min(amounts.length, from + INT8_BLOCK);
    while ((runs[run]?.to ?? Infinity) <= from) run++;
    const isOfOneTensor = (runs[run]?.to ?? 0) >= to;
    const isInRange = levels.subarray(from, to).every((level) => Math.abs(level) <= LEVEL_MAX);
    if (isOfOneTensor && isInRange) {
      scales[block] = runs[run]?.step ?? 0;
      values.set(amounts.subarray(from, to), from);
      continue;
    }
    const largest = amounts
      .subarray(from, to)
      .reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    const scale = asScaleAbove(largest / LEVEL_MAX);
    scales[block] = scale;
    for (let i = from; i < to; i++) {
      values[i] = scale * roundAtRandom((amounts[i] ?? 0) / scale, random);
    }
  }
  return { valueType: "int8", indices, values, scales };
}
