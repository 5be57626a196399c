/** How the weights of GRU are taken apart. */
import { intAttribute } from "../graph/attributes.ts";
import type { Value } from "../graph/builder.ts";
import { add, concatenate, reshape } from "../graph/expressions.ts";
import type { EmissionCall, GradientCall } from "./operator.ts";
import { RECURRENT_INPUT as INPUT } from "./recurrent.ts";
import { required } from "./recurrent-gradients.ts";
import {
  perDirection,
  type Recurrence,
  sliceDirections,
  split,
  splitColumns,
} from "./recurrent-steps.ts";

/** Update, reset and candidate: the blocks of rows of the weights. */
export const GRU_GATES = 3;

/** The recurrent weights of a step, as they stand in the products forwards or backwards. */
export interface StepWeights {
  readonly gates: Value;
  readonly candidate: Value;
}

/** The recurrent weights cut into those of the gates and of the candidate. */
export function stepWeights(
  layer: Recurrence,
  call: EmissionCall | GradientCall,
  turn: (builder: Recurrence["builder"], w: Value) => Value,
): StepWeights {
  const { builder, sizes } = layer;
  const whole = required(call, INPUT.recurrence);
  const parts = split(builder, whole, 1, [2 * sizes.hidden, sizes.hidden]);
  const [gates = whole, candidate = whole] = parts.map((part) =>
    turn(builder, perDirection(layer, part)),
  );
  return { gates, candidate };
}

/**
 * The biases of the input terms, and that of h·Rᵀ for the candidate where the reset gate comes
 * after it; null without biases.
 */
export function biasesOf(
  layer: Recurrence,
  call: EmissionCall,
): { readonly input: readonly Value[] | null; readonly candidate: Value | null } {
  const bias = call.inputs[INPUT.bias];
  if (!bias) return { input: null, candidate: null };
  const { builder, sizes } = layer;
  const { directions, hidden } = sizes;
  const [w = bias, r = bias] = splitColumns(builder, bias, 2);
  if (!isLinear(call)) {
    return { input: sliceDirections(layer, add(builder, w, r)), candidate: null };
  }
  const [wGates = w, wCandidate = w] = split(builder, w, 1, [2 * hidden, hidden]);
  const [rGates = r, rCandidate = r] = split(builder, r, 1, [2 * hidden, hidden]);
  const both = concatenate(builder, [add(builder, wGates, rGates), wCandidate], 1);
  const rows = reshape(builder, rCandidate, [directions, 1, hidden]);
  return { input: sliceDirections(layer, both), candidate: perDirection(layer, rows) };
}

/** Whether the reset gate comes after the product with the state, as in PyTorch. */
export function isLinear({ node }: Pick<EmissionCall, "node">): boolean {
  return intAttribute(node, "linear_before_reset", 0) !== 0;
}
