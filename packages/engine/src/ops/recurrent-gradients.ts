/** What forward and backward passes of LSTM and GRU share, beyond the steps themselves. */
import { assert } from "@everfresh/core";
import type { Value } from "../graph/builder.ts";
import { zeros } from "../graph/elementwise-expressions.ts";
import { add, concatenate, product, reshape, sum } from "../graph/expressions.ts";
import type { EmissionCall, GradientCall } from "./operator.ts";
import { RECURRENT_INPUT, sizesOf } from "./recurrent.ts";
import {
  affine,
  joinDirections,
  joinSteps,
  partDirections,
  partSteps,
  perDirection,
  type Recurrence,
  rowsOfDirections,
  sliceDirections,
  split,
  stepShape,
} from "./recurrent-steps.ts";

/** The layer of a node to emit or differentiate. */
export function recurrenceOf(call: Pick<GradientCall, "builder" | "node" | "inputs">): Recurrence {
  return { builder: call.builder, node: call.node, sizes: sizesOf(call) };
}

/** A required input. */
export function required({ inputs }: Pick<GradientCall, "inputs">, index: number): Value {
  const input = inputs[index];
  assert(!!input, `a recurrent layer has input ${index}`);
  return input;
}

/** The state before the first step; zeros where none is given. */
export function initialState(layer: Recurrence, given: Value | null | undefined): Value {
  const { builder, sizes } = layer;
  const { hidden } = sizes;
  return given ? perDirection(layer, given) : zeros(builder, stepShape(layer, hidden));
}

/**
 * What the inputs of all steps contribute to the gates, in one product per direction: X · Wᵀ + b,
 * as steps.
 * @param biases one vector per direction
 */
export function inputTerms(
  layer: Recurrence,
  { inputs }: EmissionCall,
  biases: readonly Value[] | null,
): Value {
  const { builder, sizes } = layer;
  const x = inputRows(layer, required({ inputs }, RECURRENT_INPUT.sequence));
  const weights = sliceDirections(layer, required({ inputs }, RECURRENT_INPUT.weight));
  const terms = weights.map((w, i) => {
    const rows = affine(builder, x, w, biases?.[i] ?? null, { transposeW: true });
    return reshape(builder, rows, [sizes.steps, sizes.batch, w.shape[0] ?? 0]);
  });
  return joinDirections(layer, terms);
}

/** The two biases of each direction added up, or null without biases. */
export function sumOfBiases(layer: Recurrence, { inputs }: EmissionCall): readonly Value[] | null {
  const bias = inputs[RECURRENT_INPUT.bias];
  if (!bias) return null;
  const { builder, sizes } = layer;
  const pairs = reshape(builder, bias, [sizes.directions, 2, (bias.shape[1] ?? 0) / 2]);
  return sliceDirections(layer, sum(builder, pairs, [1]));
}

/**
 * Y and the last states, under the node's names.
 * @param hidden the hidden state after each step
 * @param last the last states, hidden first
 */
export function emitOutputs(
  layer: Recurrence,
  hidden: readonly Value[],
  last: readonly Value[],
): readonly Value[] {
  const { builder, node, sizes } = layer;
  const { steps, directions, batch } = sizes;
  const inOrder = partDirections(layer, joinSteps(layer, hidden));
  const rows = inOrder.map((part) => reshape(builder, part, [steps, 1, batch, sizes.hidden]));
  const state = [directions, batch, sizes.hidden];
  const all = [
    { value: concatenate(builder, rows, 1), shape: [steps, ...state] },
    ...last.map((value) => ({ value, shape: state })),
  ];
  return all.map(({ value, shape }, i) => {
    const name = node.outputs[i] ?? "";
    const as = name === "" ? {} : { as: name };
    // Always a node of its own, because what it renames may be several outputs at once.
    return builder.emit(
      "Reshape",
      [value, builder.ints(shape)],
      { dtype: value.dtype, shape, ...as },
      {},
    );
  });
}

/** ∂Y at each step in reading order; null where the loss does not depend on Y. */
export function outputGradientSteps(
  layer: Recurrence,
  dy: Value | null | undefined,
): readonly (Value | null)[] {
  const { builder, sizes } = layer;
  const { steps, directions, batch, hidden } = sizes;
  if (!dy) return new Array<null>(steps).fill(null);
  const ones = new Array<number>(directions).fill(1);
  const parts = split(builder, dy, 1, ones);
  const flat = parts.map((part) => reshape(builder, part, [steps, batch, hidden]));
  return partSteps(layer, joinDirections(layer, flat));
}

/** The gradient of a state [directions, batch, hidden] as one step, or null. */
export function stateGradient(layer: Recurrence, gradient: Value | null | undefined): Value | null {
  return gradient ? perDirection(layer, gradient) : null;
}

/** From the gradient ∂G of {@link inputTerms}: ∂X = Σ ∂G · W over directions, ∂W = ∂Gᵀ · X. */
export function inputGradients(
  layer: Recurrence,
  call: GradientCall,
  dg: Value,
): { readonly dx: Value; readonly dw: Value } {
  const { builder } = layer;
  const x = required(call, RECURRENT_INPUT.sequence);
  const rows = inputRows(layer, x);
  const weights = sliceDirections(layer, required(call, RECURRENT_INPUT.weight));
  const gradients = partDirections(layer, dg).map((part) => inputRows(layer, part));
  const parts = gradients.map((part, i) => {
    const w = weights[i];
    assert(w !== undefined, "every direction has weights");
    return affine(builder, part, w, null);
  });
  const dx = parts.reduce((total, part) => add(builder, total, part));
  const dw = gradients.map((part) => product(builder, part, rows, { transposeX: true }));
  return { dx: reshape(builder, dx, x.shape), dw: stack(layer, dw) };
}

/** ∂R = Σ over steps ∂Gᵀ · state, one slice per direction, from all steps of both. */
export function recurrenceGradient(layer: Recurrence, dg: Value, states: Value): Value {
  const { builder } = layer;
  const right = rowsOfDirections(layer, states);
  const products = rowsOfDirections(layer, dg).map((part, i) => {
    const state = right[i];
    assert(state !== undefined, "every direction has states");
    return product(builder, part, state, { transposeX: true });
  });
  return stack(layer, products);
}

/** Σ over steps and samples, one slice per direction. */
export function biasGradient(layer: Recurrence, dg: Value): Value {
  const { builder } = layer;
  return stack(
    layer,
    rowsOfDirections(layer, dg).map((part) => sum(builder, part, [0])),
  );
}

/** [steps, batch, n] as a matrix. */
function inputRows({ builder, sizes }: Recurrence, x: Value): Value {
  const { steps, batch } = sizes;
  return reshape(builder, x, [steps * batch, x.shape[2] ?? 0]);
}

/** One slice per direction. */
function stack({ builder }: Recurrence, slices: readonly Value[]): Value {
  const single = slices.map((slice) => reshape(builder, slice, [1, ...slice.shape]));
  return concatenate(builder, single, 0);
}
