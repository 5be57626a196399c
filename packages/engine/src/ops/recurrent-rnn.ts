import { assert } from "@everfresh/core";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { map, scalar, zeros } from "../graph/elementwise-expressions.ts";
import {
  concatenate,
  isGreater,
  multiply,
  reshape,
  subtract,
  transposeMatrix,
} from "../graph/expressions.ts";
import type { GraphNode } from "../graph/graph.ts";
import { unsupported } from "./inference.ts";
import type { EmissionCall, GradientCall, OperatorRule } from "./operator.ts";
import { inferRecurrent, RECURRENT_INPUT as INPUT, RECURRENT_SETTINGS } from "./recurrent.ts";
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
  stepProduct,
  stepShape,
  total,
} from "./recurrent-steps.ts";

/** What the layer computes of its sums, with the derivative from the result y. */
const ACTIVATIONS = {
  tanh: {
    operator: "Tanh",
    slope: (b: GraphBuilder, y: Value): Value => subtract(b, scalar(b, 1), multiply(b, y, y)),
  },
  relu: { operator: "Relu", slope: (b: GraphBuilder, y: Value): Value => isGreater(b, y, 0) },
} as const;

/**
 * A plain recurrent layer, for each direction: h' = f(X·Wᵀ + h·Rᵀ + b) with f = tanh or ReLU.
 * Training unrolls it: one product for the inputs of all steps, one per step for the state.
 */
export const rnnRule: OperatorRule = {
  infer: (call) => {
    const { operator } = ACTIVATIONS[activationOf(call.node)];
    return inferRecurrent(call, { gates: 1, states: 1, activations: [operator] });
  },
  forward,
  gradient,
  settings: RECURRENT_SETTINGS,
  note: "full sequences of known length; activations Tanh and Relu, no clip, layout 0",
};

function activationOf(node: GraphNode): keyof typeof ACTIVATIONS {
  const stated = node.attributes["activations"];
  const names = stated?.kind === "strings" ? stated.value.map((name) => name.toLowerCase()) : [];
  const [name = "tanh"] = names;
  if (name === "tanh" || name === "relu") return name;
  return unsupported(node, `has the activation "${name}"`);
}

function forward(call: EmissionCall): readonly Value[] {
  const layer = recurrenceOf(call);
  const { builder } = layer;
  const { operator } = ACTIVATIONS[activationOf(call.node)];
  const weights = transposeMatrix(builder, perDirection(layer, required(call, INPUT.recurrence)));
  const terms = partSteps(layer, inputTerms(layer, call, sumOfBiases(layer, call)));
  const hiddens = [initialState(layer, call.inputs[INPUT.initialHidden])];
  for (const term of terms) {
    const sums = stepProduct(layer, hiddens.at(-1) ?? term, weights, term);
    hiddens.push(map(builder, operator, sums));
  }
  return [...emitOutputs(layer, hiddens.slice(1), hiddens.slice(-1)), ...hiddens];
}

/** Back through the steps: ∂sums = ∂h' · f', ∂h = ∂sums · R. */
function gradient(call: GradientCall): readonly (Value | null)[] {
  const { builder, outputGradients } = call;
  const layer = recurrenceOf(call);
  const { steps, directions, batch, hidden } = layer.sizes;
  const { slope } = ACTIVATIONS[activationOf(call.node)];
  const hiddens = call.outputs.slice(2);
  const slopes = forAllSteps(layer, 1, { y: hiddens.slice(1) }, ({ y }) => ({
    slope: slope(builder, y),
  }));
  const recurrence = perDirection(layer, required(call, INPUT.recurrence));
  const dy = outputGradientSteps(layer, outputGradients[0]);
  let dh =
    total(builder, stateGradient(layer, outputGradients[1]), dy.at(-1)) ??
    zeros(builder, stepShape(layer, hidden));
  const dgs: Value[] = [];
  for (let t = steps - 1; t >= 0; t--) {
    const step = slopes[t];
    assert(step !== undefined, "every step has a slope");
    const dg = multiply(builder, dh, step.slope);
    dgs.push(dg);
    dh = stepProduct(layer, dg, recurrence, dy[t - 1] ?? null);
  }
  const dg = joinSteps(layer, dgs.toReversed());
  const { dx, dw } = inputGradients(layer, call, dg);
  const db = biasGradient(layer, dg);
  return [
    dx,
    dw,
    recurrenceGradient(layer, dg, joinSteps(layer, hiddens.slice(0, -1))),
    concatenate(builder, [db, db], 1),
    null,
    reshape(builder, dh, [directions, batch, hidden]),
  ].slice(0, call.inputs.length);
}
