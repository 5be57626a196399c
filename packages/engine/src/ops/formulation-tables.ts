/**
 * All formulations of a convolution and of its two gradients. ONNX Runtime has several ways to the same
 * numbers; which is fastest depends on the shapes alone. `pays` says where one was measured to beat
 * those after it in its table, on one thread of a CPU with AVX-512
 * (`docs/decisions/0007-convolution-formulations.md`); a plan may choose otherwise for single nodes.
 */
import type { Shape } from "@everfresh/core";
import type { OutputType, Value } from "../graph/builder.ts";
import type {
  Formulation,
  ForwardFormulation,
  InputFormulation,
  WeightFormulation,
} from "../graph/formulation.ts";
import { inputGradient, weightGradient } from "./convolution-gradients.ts";
import {
  weightGradientOfColumns,
  weightGradientOfDepthwise,
  weightGradientOfImages,
  weightGradientOfPixels,
} from "./formulation-blocked-weights.ts";
import { attributesOf, forwardOfBlocked, inputGradientOfBlocked } from "./formulation-blocked.ts";
import {
  forwardOfDense,
  forwardOfRows,
  inputGradientOfDense,
  inputGradientOfRows,
  weightGradientOfDense,
  weightGradientOfRows,
} from "./formulation-product.ts";
import {
  type Convolution,
  isDepthwise,
  isPointwise,
  isStrided,
  seesSinglePixels,
  tapCount,
} from "./formulation.ts";
import { both } from "./window.ts";

/** One way to compute something of a convolution. */
interface Way<Emit> {
  /** Whether it is correct for this convolution. */
  readonly applies: (convolution: Convolution) => boolean;
  /** Whether it is the fastest where it applies. */
  readonly pays: (convolution: Convolution) => boolean;
  readonly emit: Emit;
}

type EmitForward = (
  convolution: Convolution,
  operands: { readonly x: Value; readonly w: Value; readonly bias: Value | null },
  output: OutputType,
) => Value;

type EmitInputGradient = (
  convolution: Convolution,
  operands: { readonly dy: Value; readonly w: Value },
  output: OutputType,
) => Value;

type EmitWeightGradient = (
  convolution: Convolution,
  operands: { readonly dy: Value; readonly x: Value; readonly shape: Shape },
) => Value;

/** With fewer pixels, one product over all samples beats one product (or convolution) for each. */
const ROWS_PIXELS_MAX = 15;

/** Up to so many pixels, ∂W of a pointwise convolution is one product over all samples. */
const ROWS_GRADIENT_PIXELS_MAX = 16;

/** Up to so many pixels of input and output, a product of all with all beats a convolution. */
const DENSE_PIXELS_MAX = 4;

/** The matrix of all with all may have so many pairs of pixels at most: it is made at every step. */
const DENSE_PAIRS_MAX = 256;

/** Images of fewer channels (colours) are read in the standard layout by blocked convolutions. */
const STEM_CHANNELS_MAX = 5;

const always = (): boolean => true;

/** Ways to compute Y, the first that applies and pays before the others. */
export const FORWARD: { readonly [K in ForwardFormulation]: Way<EmitForward> } = {
  rows: {
    applies: canRows,
    pays: (convolution) => outputPixels(convolution) <= ROWS_PIXELS_MAX,
    emit: forwardOfRows,
  },
  dense: { applies: canDense, pays: isTiny, emit: forwardOfDense },
  blocked: { applies: canBlockForward, pays: always, emit: forwardOfBlocked },
  standard: {
    applies: always,
    pays: always,
    emit: ({ builder, window, groups }, { x, w, bias }, output) =>
      builder.emit("Conv", bias === null ? [x, w] : [x, w, bias], output, {
        ...attributesOf({ ...window, groups }),
      }),
  },
};

/** Ways to compute ∂X. */
export const INPUT_GRADIENT: { readonly [K in InputFormulation]: Way<EmitInputGradient> } = {
  rows: {
    applies: canRows,
    pays: (convolution) => outputPixels(convolution) <= ROWS_PIXELS_MAX,
    emit: inputGradientOfRows,
  },
  dense: { applies: canDense, pays: isTiny, emit: inputGradientOfDense },
  blocked: { applies: canBlockInput, pays: always, emit: inputGradientOfBlocked },
  standard: {
    applies: always,
    pays: always,
    emit: (convolution, operands, { shape }) => inputGradient(convolution, { ...operands, shape }),
  },
};

/** Ways to compute ∂W. */
export const WEIGHT_GRADIENT: { readonly [K in WeightFormulation]: Way<EmitWeightGradient> } = {
  rows: {
    applies: (convolution) => convolution.groups === 1 && seesSinglePixels(convolution),
    pays: (convolution) => outputPixels(convolution) <= ROWS_GRADIENT_PIXELS_MAX,
    emit: weightGradientOfRows,
  },
  dense: { applies: canDense, pays: isTiny, emit: weightGradientOfDense },
  depthwise: {
    applies: (convolution) => isDepthwise(convolution) && blocks(convolution, "channels"),
    pays: always,
    emit: weightGradientOfDepthwise,
  },
  blockedColumns: {
    applies: canBlockColumns,
    pays: (convolution) => tapCount(convolution.window) > 1 || isStrided(convolution),
    emit: weightGradientOfColumns,
  },
  blockedPixels: {
    applies: canBlockPixels,
    pays: always,
    emit: weightGradientOfPixels,
  },
  blockedImages: {
    applies: (convolution) =>
      convolution.groups === 1 && blocks(convolution, "filters") && blocks(convolution, "samples"),
    pays: (convolution) => tapCount(convolution.window) > 1,
    emit: weightGradientOfImages,
  },
  standard: { applies: always, pays: always, emit: weightGradient },
};

const STANDARD: Required<Formulation> = {
  forward: "standard",
  inputGradient: "standard",
  weightGradient: "standard",
};

/** How a convolution is computed: as the plan says where that applies, or as is fastest. */
export function formulationOf(convolution: Convolution): Required<Formulation> {
  const { acceleration } = convolution.builder;
  if (acceleration === null) return STANDARD;
  const planned = acceleration.formulations[convolution.node] ?? {};
  return {
    forward: choose(FORWARD, planned.forward, convolution),
    inputGradient: choose(INPUT_GRADIENT, planned.inputGradient, convolution),
    weightGradient: choose(WEIGHT_GRADIENT, planned.weightGradient, convolution),
  };
}

function choose<K extends string>(
  table: Readonly<Record<K, Way<unknown>>>,
  planned: K | undefined,
  convolution: Convolution,
): K {
  if (planned !== undefined && table[planned].applies(convolution)) return planned;
  const names = Object.keys(table) as K[];
  const fastest = names.find(
    (name) => table[name].applies(convolution) && table[name].pays(convolution),
  );
  return fastest ?? ("standard" as K);
}

function canRows(convolution: Convolution): boolean {
  return convolution.groups === 1 && isPointwise(convolution);
}

function canDense(convolution: Convolution): boolean {
  const pairs = inputPixels(convolution) * outputPixels(convolution);
  return convolution.groups === 1 && pairs <= DENSE_PAIRS_MAX;
}

function isTiny(convolution: Convolution): boolean {
  return Math.max(inputPixels(convolution), outputPixels(convolution)) <= DENSE_PIXELS_MAX;
}

function canBlockForward(convolution: Convolution): boolean {
  if (!blocks(convolution, "filters")) return false;
  if (isDepthwise(convolution)) return true;
  if (convolution.groups > 1) return false;
  return blocks(convolution, "channels") || convolution.channels < STEM_CHANNELS_MAX;
}

function canBlockInput(convolution: Convolution): boolean {
  if (!blocks(convolution, "filters") || !blocks(convolution, "channels")) return false;
  if (convolution.groups > 1 && !isDepthwise(convolution)) return false;
  const { input, output, kernel, strides, dilations, before, after } = convolution.window;
  return isStrided(convolution)
    ? both(
        (i) => output[i] * strides[i] === input[i] && dilations[i] === 1 && before[i] < kernel[i],
      )
    : both((i) => Math.max(before[i], after[i]) <= dilations[i] * (kernel[i] - 1));
}

/** Whether the channels are one block, and ONNX Runtime takes the samples for groups. */
function canBlockColumns(convolution: Convolution): boolean {
  const { window, groups, channels, samples, builder } = convolution;
  const block = builder.blocked?.block;
  if (groups > 1 || channels !== block || !blocks(convolution, "filters")) return false;
  return both((i) => window.dilations[i] === 1) && (samples % block === 0 || samples < block);
}

/** Whether rows of pixels, or all of them where windows are one pixel, fill blocks. */
function canBlockPixels(convolution: Convolution): boolean {
  const { window, groups, builder } = convolution;
  if (groups > 1 || builder.blocked === null) return false;
  if (!blocks(convolution, "filters") || !blocks(convolution, "channels")) return false;
  const { input, output } = window;
  const { block } = builder.blocked;
  if (seesSinglePixels(convolution)) return (output[0] * output[1]) % block === 0;
  return input[1] % block === 0 && !isStrided(convolution);
}

function blocks(
  { builder, ...convolution }: Convolution,
  what: "channels" | "filters" | "samples",
): boolean {
  const { blocked } = builder;
  return blocked !== null && convolution[what] % blocked.block === 0;
}

function inputPixels({ window }: Convolution): number {
  return window.input[0] * window.input[1];
}

function outputPixels({ window }: Convolution): number {
  return window.output[0] * window.output[1];
}
