/** The backward pass of GRU. */
import { assert } from "@everfresh/core";
import type { Value } from "../graph/builder.ts";
import { scalar, zeros } from "../graph/elementwise-expressions.ts";
import { add, concatenate, multiply, reshape, subtract } from "../graph/expressions.ts";
import type { GradientCall } from "./operator.ts";
import { RECURRENT_INPUT as INPUT } from "./recurrent.ts";
import { GRU_GATES, isLinear, stepWeights } from "./recurrent-gru-weights.ts";
import {
  biasGradient,
  inputGradients,
  outputGradientSteps,
  recurrenceGradient,
  recurrenceOf,
  required,
  stateGradient,
} from "./recurrent-gradients.ts";
import {
  forAllSteps,
  joinSteps,
  perDirection,
  type Recurrence,
  split,
  splitColumns,
  stepProduct,
  stepShape,
  total,
} from "./recurrent-steps.ts";

/** What the backward pass takes from the forward pass: a value for every step. */
interface Saved {
  /** [z, r]. */
  readonly gates: readonly Value[];
  readonly candidates: readonly Value[];
  /** With linear_before_reset h·Rᵀ + b', else r·h. */
  readonly inner: readonly Value[];
  /** Before each step. */
  readonly hiddens: readonly Value[];
}

/**
 * Back through the steps. What does not depend on later steps is computed first:
 *
 *   ∂z = ∂h·Kz, Kz = (h₋₁ − n)·z(1 − z)      ∂n = ∂h·Kn, Kn = (1 − z)(1 − n²)
 *
 * and ∂r, ∂h₋₁ as the two kinds of the layer say.
 */
export function gruGradient(call: GradientCall): readonly (Value | null)[] {
  const { builder, outputGradients } = call;
  const layer = recurrenceOf(call);
  const { directions, batch, hidden } = layer.sizes;
  const dy = outputGradientSteps(layer, outputGradients[0]);
  const dLast = total(builder, stateGradient(layer, outputGradients[1]), dy.at(-1));
  const seed = dLast ?? zeros(builder, stepShape(layer, hidden));
  const { dh, dInput, dRecurrence, dBias } = isLinear(call)
    ? backwardLinear(layer, call, { seed, dy })
    : backwardReset(layer, call, { seed, dy });
  const { dx, dw } = inputGradients(layer, call, dInput);
  return [
    dx,
    dw,
    dRecurrence,
    concatenate(builder, [biasGradient(layer, dInput), biasGradient(layer, dBias)], 1),
    null,
    reshape(builder, dh, [directions, batch, hidden]),
  ].slice(0, call.inputs.length);
}

/** Gradients at the last step, and of Y at every step. */
interface Seeds {
  readonly seed: Value;
  readonly dy: readonly (Value | null)[];
}

/** What remains after going back through all steps. */
interface Backward {
  /** ∂ of the state before the first step. */
  readonly dh: Value;
  /** ∂ of the input terms, all steps. */
  readonly dInput: Value;
  readonly dRecurrence: Value;
  /** ∂ of what the second bias is added to, all steps. */
  readonly dBias: Value;
}

/**
 * q = r·i with i = h₋₁·Rᵀ + b':
 *
 *   ∂r = ∂n·i·r(1 − r)    ∂i = ∂n·r    ∂h₋₁ = ∂h·z + [∂z, ∂r, ∂i]·R
 */
function backwardLinear(layer: Recurrence, call: GradientCall, { seed, dy }: Seeds): Backward {
  const { builder, sizes } = layer;
  const saved = savedOf(call, sizes.steps);
  const axis = seed.shape.length - 1;
  const factors = forAllSteps(layer, GRU_GATES, { ...saved }, (joined) => {
    const { z, r, kz, kn, slopeOfR } = factorsOf(layer, joined);
    const kr = multiply(builder, multiply(builder, kn, joined.inner), slopeOfR);
    return { z, kn, k: concatenate(builder, [kz, kr, multiply(builder, kn, r)], axis) };
  });
  const recurrence = perDirection(layer, required(call, INPUT.recurrence));
  let dh = seed;
  const dns: Value[] = [];
  const dgs: Value[] = [];
  for (let t = sizes.steps - 1; t >= 0; t--) {
    const { z, kn, k } = factors[t] ?? {};
    assert(!!z && !!kn && !!k, "every step has factors");
    const dg = multiply(builder, concatenate(builder, [dh, dh, dh], axis), k);
    dns.push(multiply(builder, dh, kn));
    dgs.push(dg);
    const carried = total(builder, multiply(builder, dh, z), dy[t - 1]);
    dh = stepProduct(layer, dg, recurrence, carried);
  }
  const dg = joinSteps(layer, dgs.toReversed());
  const dn = joinSteps(layer, dns.toReversed());
  const [gates = dg] = split(builder, dg, axis, [2 * sizes.hidden, sizes.hidden]);
  return {
    dh,
    dInput: concatenate(builder, [gates, dn], axis),
    dRecurrence: recurrenceGradient(layer, dg, joinSteps(layer, saved.hiddens)),
    dBias: dg,
  };
}

/**
 * q = i·Rᵀ + b' with i = r·h₋₁:
 *
 *   ∂i = ∂n·R    ∂r = ∂i·h₋₁·r(1 − r)    ∂h₋₁ = ∂h·z + ∂i·r + [∂z, ∂r]·R
 */
function backwardReset(layer: Recurrence, call: GradientCall, { seed, dy }: Seeds): Backward {
  const { builder, sizes } = layer;
  const saved = savedOf(call, sizes.steps);
  const factors = forAllSteps(layer, GRU_GATES, { ...saved }, (joined) => {
    const { z, r, kz, kn, slopeOfR } = factorsOf(layer, joined);
    return { z, r, kz, kn, kr: multiply(builder, joined.hiddens, slopeOfR) };
  });
  const weights = stepWeights(layer, call, (_, w) => w);
  const axis = seed.shape.length - 1;
  let dh = seed;
  const dns: Value[] = [];
  const dgs: Value[] = [];
  for (let t = sizes.steps - 1; t >= 0; t--) {
    const { z, r, kz, kn, kr } = factors[t] ?? {};
    assert(!!z && !!r && !!kz && !!kn && !!kr, "every step has factors");
    const dn = multiply(builder, dh, kn);
    const di = stepProduct(layer, dn, weights.candidate, null);
    const blocks = [multiply(builder, dh, kz), multiply(builder, di, kr)];
    const dg = concatenate(builder, blocks, axis);
    dns.push(dn);
    dgs.push(dg);
    const direct = add(builder, multiply(builder, dh, z), multiply(builder, di, r));
    dh = stepProduct(layer, dg, weights.gates, total(builder, direct, dy[t - 1]));
  }
  const dg = joinSteps(layer, dgs.toReversed());
  const dn = joinSteps(layer, dns.toReversed());
  const dInput = concatenate(builder, [dg, dn], axis);
  const dRecurrence = [
    recurrenceGradient(layer, dg, joinSteps(layer, saved.hiddens)),
    recurrenceGradient(layer, dn, joinSteps(layer, saved.inner)),
  ];
  return { dh, dInput, dRecurrence: concatenate(builder, dRecurrence, 1), dBias: dInput };
}

/** What both kinds of the layer multiply gradients with. */
function factorsOf(
  { builder }: Recurrence,
  { gates, candidates: n, hiddens }: Readonly<Record<keyof Saved, Value>>,
): Readonly<Record<"z" | "r" | "kz" | "kn" | "slopeOfR", Value>> {
  const [z = gates, r = gates] = splitColumns(builder, gates, 2);
  const slopes = subtract(builder, gates, multiply(builder, gates, gates));
  const [slopeOfZ = gates, slopeOfR = gates] = splitColumns(builder, slopes, 2);
  const one = scalar(builder, 1);
  const bend = subtract(builder, one, multiply(builder, n, n));
  return {
    z,
    r,
    kz: multiply(builder, subtract(builder, hiddens, n), slopeOfZ),
    kn: multiply(builder, subtract(builder, one, z), bend),
    slopeOfR,
  };
}

/** What the forward pass returned after the node's own outputs. */
function savedOf({ outputs }: GradientCall, steps: number): Saved {
  const all = outputs.slice(2);
  return {
    gates: all.slice(0, steps),
    candidates: all.slice(steps, 2 * steps),
    inner: all.slice(2 * steps, 3 * steps),
    hiddens: all.slice(3 * steps),
  };
}
