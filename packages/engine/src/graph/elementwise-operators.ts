import { assert, sizeOf } from "@everfresh/core";
import type { EmittedOperator, Emitter, OutputType, Value } from "./emission.ts";
import type { Attributes } from "./graph.ts";

/** Operators that give each element what its inputs' elements at the same place say. */
export const ELEMENTWISE: ReadonlySet<EmittedOperator> = new Set<EmittedOperator>([
  "Abs",
  "Add",
  "And",
  "Cast",
  "Clip",
  "Div",
  "Elu",
  "Equal",
  "Erf",
  "Exp",
  "Gelu",
  "Greater",
  "GreaterOrEqual",
  "HardSigmoid",
  "HardSwish",
  "LeakyRelu",
  "Less",
  "LessOrEqual",
  "Log",
  "Max",
  "Min",
  "Mul",
  "Neg",
  "Not",
  "Or",
  "Reciprocal",
  "Relu",
  "Selu",
  "Sigmoid",
  "Sign",
  "Softplus",
  "Sqrt",
  "Sub",
  "Tanh",
  "Where",
]);

/**
 * An elementwise operator on images of one pixel, where an input is a scalar; else null. ONNX Runtime
 * broadcasts a scalar to [N, C, 1, 1] element by element, but quickly to [N, C].
 */
export function elementwiseOfRows(
  builder: Emitter,
  operator: EmittedOperator,
  inputs: readonly (Value | null)[],
  output: OutputType,
  attributes: Attributes,
): readonly Value[] | null {
  const { dtype, shape } = output;
  const isScalar = (input: Value | null): boolean => input === null || sizeOf(input.shape) === 1;
  const fits = inputs.every((input) => isScalar(input) || input?.shape.join() === shape.join());
  if (!fits || !inputs.some(isScalar) || sizeOf(shape) === 1) return null;
  const rows = shape.slice(0, 2);
  const flatten = (input: Value | null): Value | null | undefined => {
    if (input === null || isScalar(input)) return input;
    const type = { dtype: input.dtype, shape: rows };
    return builder.emitIn(undefined, "Reshape", [input, builder.ints(rows)], [type])[0];
  };
  const flat = inputs.map(flatten).map((input) => input ?? null);
  const [result] = builder.emitIn(undefined, operator, flat, [{ dtype, shape: rows }], attributes);
  assert(result !== undefined, "one output type gives one output");
  return builder.emitIn(undefined, "Reshape", [result, builder.ints(shape)], [output]);
}
