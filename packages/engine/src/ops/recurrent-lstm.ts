import { assert } from "@everfresh/core";
import type { Value } from "../graph/builder.ts";
import { map, zeros } from "../graph/elementwise-expressions.ts";
import {
  add,
  concatenate,
  multiply,
  reshape,
  subtract,
  transposeMatrix,
} from "../graph/expressions.ts";
import { optionalInput, unsupported } from "./inference.ts";
import type { EmissionCall, GradientCall, OperatorRule } from "./operator.ts";
import { inferRecurrent, RECURRENT_INPUT, RECURRENT_SETTINGS } from "./recurrent.ts";
import {
  biasGradient,
  emitOutputs,
  initialState,
  inputGradients,
  inputTerms,
  outputGradientSteps,
  recurrenceGradient,
  recurrenceOf,
  required,
  stateGradient,
  sumOfBiases,
} from "./recurrent-gradients.ts";
import {
  forAllSteps,
  joinSteps,
  partSteps,
  perDirection,
  type Recurrence,
  split,
  splitColumns,
  stepProduct,
  stepShape,
  total,
} from "./recurrent-steps.ts";

/** Where the state of the cells and the weights of peepholes are among the inputs. */
const INPUT = { ...RECURRENT_INPUT, initialCell: 6, peepholes: 7 } as const;

/** The only activations that there are rules for: of gates, candidates and cells. */
const ACTIVATIONS = ["Sigmoid", "Tanh", "Tanh"];

/** Input, output, forget and cell: the blocks of rows of the weights. */
const GATES = 4;

/**
 * A layer of long short-term memory, for each direction:
 *
 *   [i, o, f] = σ(X·Wᵀ + h·Rᵀ + b)    g = tanh(X·Wᵀ + h·Rᵀ + b)    c' = f·c + i·g    h' = o·tanh c'
 *
 * Training unrolls it: one product for the inputs of all steps, one per step for the state.
 */
export const lstmRule: OperatorRule = {
  infer: (call) => {
    if (optionalInput(call, INPUT.peepholes) !== null) unsupported(call.node, "has peepholes");
    return inferRecurrent(call, { gates: GATES, states: 2, activations: ACTIVATIONS });
  },
  forward,
  gradient,
  settings: RECURRENT_SETTINGS,
  note: "full sequences of known length; no clip, peepholes or other activations, layout 0",
};

/** What the backward pass takes from the forward pass: a value for every step. */
interface Saved {
  /** [i, o, f]. */
  readonly gates: readonly Value[];
  readonly candidates: readonly Value[];
  readonly tanhOfCells: readonly Value[];
  /** Before the first step, and after each. */
  readonly cells: readonly Value[];
  /** Before the first step, and after each. */
  readonly hiddens: readonly Value[];
}

function forward(call: EmissionCall): readonly Value[] {
  const layer = recurrenceOf(call);
  const { builder, sizes } = layer;
  const { hidden } = sizes;
  const recurrence = perDirection(layer, required(call, INPUT.recurrence));
  const weights = transposeMatrix(builder, recurrence);
  const terms = partSteps(layer, inputTerms(layer, call, sumOfBiases(layer, call)));
  const hiddens = [initialState(layer, call.inputs[INPUT.initialHidden])];
  const cells = [initialState(layer, call.inputs[INPUT.initialCell])];
  const gates: Value[] = [];
  const candidates: Value[] = [];
  const tanhOfCells: Value[] = [];
  for (const term of terms) {
    const [h, c] = [hiddens.at(-1) ?? term, cells.at(-1) ?? term];
    const sums = stepProduct(layer, h, weights, term);
    const axis = sums.shape.length - 1;
    const [three = sums, last = sums] = split(builder, sums, axis, [3 * hidden, hidden]);
    const sigmoids = map(builder, "Sigmoid", three);
    const g = map(builder, "Tanh", last);
    const [i = g, o = g, f = g] = splitColumns(builder, sigmoids, 3);
    const cell = add(builder, multiply(builder, f, c), multiply(builder, i, g));
    const t = map(builder, "Tanh", cell);
    gates.push(sigmoids);
    candidates.push(g);
    cells.push(cell);
    tanhOfCells.push(t);
    hiddens.push(multiply(builder, o, t));
  }
  const last = [hiddens, cells].flatMap((states) => states.slice(-1));
  return [
    ...emitOutputs(layer, hiddens.slice(1), last),
    ...[gates, candidates, tanhOfCells, cells, hiddens].flat(),
  ];
}

/**
 * Back through the steps. What does not depend on later steps is computed first:
 *
 *   ∂c += ∂h · o(1 − tanh²c')    [∂i, ∂o, ∂f, ∂g] = [∂c, ∂h, ∂c, ∂c] · K    ∂c₋₁ = ∂c · f
 *
 *   K = [g·i(1 − i), tanh c'·o(1 − o), c·f(1 − f), i(1 − g²)]    ∂h₋₁ = [∂i, ∂o, ∂f, ∂g] · R
 */
function gradient(call: GradientCall): readonly (Value | null)[] {
  const { builder, outputGradients } = call;
  const layer = recurrenceOf(call);
  const { steps, directions, batch, hidden } = layer.sizes;
  const saved = savedOf(call, steps);
  const factors = factorsOf(layer, saved);
  const recurrence = perDirection(layer, required(call, INPUT.recurrence));
  const dy = outputGradientSteps(layer, outputGradients[0]);
  let dh = total(builder, stateGradient(layer, outputGradients[1]), dy.at(-1));
  let dc = stateGradient(layer, outputGradients[2]);
  const dgs: Value[] = [];
  for (let t = steps - 1; t >= 0; t--) {
    const { k, slope, f } = factors[t] ?? {};
    assert(!!k && !!slope && !!f, "every step has factors");
    const dHidden = dh ?? zeros(builder, stepShape(layer, hidden));
    const through = multiply(builder, dHidden, slope);
    const dCell = dc === null ? through : add(builder, through, dc);
    const blocks = [dCell, dHidden, dCell, dCell];
    const dg = multiply(builder, concatenate(builder, blocks, slope.shape.length - 1), k);
    dgs.push(dg);
    dc = multiply(builder, dCell, f);
    dh = stepProduct(layer, dg, recurrence, dy[t - 1] ?? null);
  }
  assert(dh !== null && dc !== null, "a sequence has at least one step");
  const dg = joinSteps(layer, dgs.toReversed());
  const { dx, dw } = inputGradients(layer, call, dg);
  const db = biasGradient(layer, dg);
  return [
    dx,
    dw,
    recurrenceGradient(layer, dg, joinSteps(layer, saved.hiddens.slice(0, -1))),
    concatenate(builder, [db, db], 1),
    null,
    reshape(builder, dh, [directions, batch, hidden]),
    reshape(builder, dc, [directions, batch, hidden]),
  ].slice(0, call.inputs.length);
}

/** What gradients are multiplied with at every step: k = K, slope = o(1 − tanh²c'), and f. */
function factorsOf(
  layer: Recurrence,
  saved: Saved,
): readonly Readonly<Record<"k" | "slope" | "f", Value>>[] {
  const { builder } = layer;
  const given = {
    gates: saved.gates,
    g: saved.candidates,
    tanh: saved.tanhOfCells,
    c: saved.cells.slice(0, -1),
    h: saved.hiddens.slice(1),
  };
  return forAllSteps(layer, GATES, given, ({ gates, g, tanh, c, h }) => {
    const slopes = subtract(builder, gates, multiply(builder, gates, gates));
    const [i = g, o = g, f = g] = splitColumns(builder, gates, 3);
    const [slopeOfI = g, slopeOfO = g, slopeOfF = g] = splitColumns(builder, slopes, 3);
    const k = [
      multiply(builder, g, slopeOfI),
      multiply(builder, tanh, slopeOfO),
      multiply(builder, c, slopeOfF),
      subtract(builder, i, multiply(builder, multiply(builder, i, g), g)),
    ];
    // With h' = o·tanh c', which is there already.
    const slope = subtract(builder, o, multiply(builder, h, tanh));
    return { k: concatenate(builder, k, g.shape.length - 1), slope, f };
  });
}

/** What {@link forward} returned after the node's own outputs. */
function savedOf({ outputs }: GradientCall, steps: number): Saved {
  const all = outputs.slice(3);
  return {
    gates: all.slice(0, steps),
    candidates: all.slice(steps, 2 * steps),
    tanhOfCells: all.slice(2 * steps, 3 * steps),
    cells: all.slice(3 * steps, 4 * steps + 1),
    hiddens: all.slice(4 * steps + 1),
  };
}
