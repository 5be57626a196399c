import { assert } from "@everfresh/core";
import type { Value } from "../graph/builder.ts";
import { map } from "../graph/elementwise-expressions.ts";
import { add, multiply, subtract, transposeMatrix } from "../graph/expressions.ts";
import type { EmissionCall, OperatorRule } from "./operator.ts";
import { inferRecurrent, RECURRENT_INPUT as INPUT, RECURRENT_SETTINGS } from "./recurrent.ts";
import { gruGradient } from "./recurrent-gru-gradient.ts";
import { biasesOf, GRU_GATES, isLinear, stepWeights } from "./recurrent-gru-weights.ts";
import { emitOutputs, initialState, inputTerms, recurrenceOf } from "./recurrent-gradients.ts";
import { partSteps, split, splitColumns, stepProduct } from "./recurrent-steps.ts";

/** The only activations that there are rules for: of gates and candidates. */
const ACTIVATIONS = ["Sigmoid", "Tanh"];

/**
 * A layer of gated recurrent units, for each direction:
 *
 *   [z, r] = σ(X·Wᵀ + h·Rᵀ + b)    h' = (1 − z)·n + z·h
 *
 *   n = tanh(X·Wᵀ + b + q)  with  q = r·(h·Rᵀ + b')  if linear_before_reset, else  q = (r·h)·Rᵀ + b'
 *
 * Training unrolls it: one product for the inputs of all steps, two per step for the state.
 */
export const gruRule: OperatorRule = {
  infer: (call) => inferRecurrent(call, { gates: GRU_GATES, states: 1, activations: ACTIVATIONS }),
  forward,
  gradient: gruGradient,
  settings: RECURRENT_SETTINGS,
  note: "full sequences of known length; no clip or other activations, layout 0",
};

function forward(call: EmissionCall): readonly Value[] {
  const layer = recurrenceOf(call);
  const { builder, sizes, node } = layer;
  const linear = isLinear(call);
  const { input, candidate: bias } = biasesOf(layer, call);
  const weights = stepWeights(layer, call, transposeMatrix);
  const columns = [2 * sizes.hidden, sizes.hidden];
  const terms = inputTerms(layer, call, input);
  const [gateTerms, candidateTerms] = split(builder, terms, terms.shape.length - 1, columns).map(
    (part) => partSteps(layer, part),
  );
  assert(gateTerms !== undefined && candidateTerms !== undefined, "two groups of columns");
  let h = initialState(layer, call.inputs[INPUT.initialHidden]);
  const before: Value[] = [];
  const after: Value[] = [];
  const saved = { gates: [] as Value[], candidates: [] as Value[], inner: [] as Value[] };
  gateTerms.forEach((gateTerm, t) => {
    const term = candidateTerms[t];
    assert(term !== undefined, `${node.operator} has terms for every step`);
    const gates = map(builder, "Sigmoid", stepProduct(layer, h, weights.gates, gateTerm));
    const [z = gates, r = gates] = splitColumns(builder, gates, 2);
    const inner = linear ? stepProduct(layer, h, weights.candidate, bias) : multiply(builder, r, h);
    const sums = linear
      ? add(builder, term, multiply(builder, r, inner))
      : stepProduct(layer, inner, weights.candidate, term);
    const n = map(builder, "Tanh", sums);
    before.push(h);
    h = add(builder, n, multiply(builder, z, subtract(builder, h, n)));
    after.push(h);
    saved.gates.push(gates);
    saved.candidates.push(n);
    saved.inner.push(inner);
  });
  const all = [saved.gates, saved.candidates, saved.inner, before];
  return [...emitOutputs(layer, after, [h]), ...all.flat()];
}
