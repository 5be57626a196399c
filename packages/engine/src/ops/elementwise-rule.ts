/** What the rules of elementwise operators share. */
import { assert } from "@everfresh/core";
import type { Value } from "../graph/builder.ts";
import { zeros } from "../graph/elementwise-expressions.ts";
import { sumTo } from "../graph/expressions.ts";
import type { Dimension } from "../graph/graph.ts";
import { broadcastInputs, inputType, sameAsInput } from "./inference.ts";
import type { GradientCall, GradientRule, KnownType, OperatorRule } from "./operator.ts";

/** y = f(x), to differentiate. */
export interface UnaryCall extends GradientCall {
  readonly x: Value;
  readonly y: Value;
}

/** y = f(a, b), to differentiate. */
export interface BinaryCall extends GradientCall {
  readonly a: Value;
  readonly b: Value;
  readonly y: Value;
}

/** Computes with sizes before the graph runs; null where the result depends on the batch. */
export type Fold = (...values: readonly Dimension[]) => Dimension | null;

/** The rule of an operator with one input. */
export function unary(gradient: (call: UnaryCall) => Value): OperatorRule {
  return {
    infer: sameAsInput,
    gradient: (call) => {
      const [x] = call.inputs;
      const [y] = call.outputs;
      assert(!!x && y !== undefined, "a unary operator has an input and an output");
      return [gradient({ ...call, x, y })];
    },
  };
}

/** The rule of a step function: its derivative is 0 wherever it has one. */
export function step(fold?: (x: number) => number): OperatorRule {
  const foldDimension: Fold | undefined =
    fold === undefined ? undefined : (x) => (typeof x === "number" ? fold(x) : wholeBatches(x));
  return {
    infer: (call) =>
      sameAsInput(call).map((type) => ({
        ...type,
        ...folded([inputType(call, 0)], foldDimension),
      })),
    gradient: zeroGradient,
  };
}

/** A multiple of the batch rounds to itself where it is whole for every batch size. */
function wholeBatches(x: Dimension = 0): Dimension | null {
  return typeof x === "number" || Number.isInteger(x.batches) ? x : null;
}

/** No change of the inputs changes the output: ∂x = 0, for all that is wanted. */
export function zeroGradient(call: GradientCall): readonly (Value | null)[] {
  return call.inputs.map((_, i) => zeroFor(call, i));
}

/** The gradient of an input that the output does not depend on smoothly: 0, or null if unwanted. */
export function zeroFor({ builder, inputs, wanted }: GradientCall, index: number): Value | null {
  const input = inputs[index];
  return wanted[index] === true && input ? zeros(builder, input.shape) : null;
}

/**
 * The rule of a broadcasting operator with two inputs. The gradients may have the output's shape:
 * what broadcasting repeated is summed here.
 * @param fold computes with known whole numbers, and with floats unless `foldOfFloats` does
 */
export function binary(
  gradientOfA: (call: BinaryCall) => Value,
  gradientOfB: (call: BinaryCall) => Value,
  fold?: Fold,
  foldOfFloats: Fold | undefined = fold,
): OperatorRule {
  const gradient: GradientRule = (call) => {
    const [a, b] = call.inputs;
    const [y] = call.outputs;
    assert(!!a && !!b && y !== undefined, "a binary operator has two inputs");
    const operands = { ...call, a, b, y };
    const { builder, wanted } = call;
    return [
      wanted[0] === true ? sumTo(builder, gradientOfA(operands), a.shape) : null,
      wanted[1] === true ? sumTo(builder, gradientOfB(operands), b.shape) : null,
    ];
  };
  return {
    infer: (call) =>
      broadcastInputs(call).map((type) => ({
        ...type,
        ...folded(
          [inputType(call, 0), inputType(call, 1)],
          type.dtype === "float32" ? foldOfFloats : fold,
        ),
      })),
    gradient,
  };
}

/** The elements of the result where those of all inputs are known: vectors, or single numbers. */
export function folded(
  inputs: readonly KnownType[],
  fold: Fold | undefined,
): Pick<KnownType, "value"> {
  const lists = inputs.map(({ value }) => value ?? []);
  const length = Math.max(...lists.map((list) => list.length));
  const fits = inputs.every(
    ({ shape }, i) => shape.length <= 1 && [1, length].includes(lists[i]?.length ?? 0),
  );
  if (fold === undefined || length === 0 || !fits) return {};
  const value: Dimension[] = [];
  for (let i = 0; i < length; i++) {
    const element = fold(...lists.map((list) => list[list.length === 1 ? 0 : i] ?? 0));
    if (element === null) return {};
    value.push(element);
  }
  return { value };
}
