/** Sums of products, written as an equation of dimension letters. */
import { assert } from "@everfresh/core";
import { stringAttribute } from "../graph/attributes.ts";
import type { Value } from "../graph/builder.ts";
import { formatShape, sameDimension } from "../graph/dimension.ts";
import { expand, reshape, sizeAt } from "../graph/expressions.ts";
import type { Dimension, GraphNode } from "../graph/graph.ts";
import { fail, inputType, unsupported } from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";

/** The letters of every operand and of the result. */
interface Equation {
  readonly operands: readonly string[];
  readonly result: string;
}

/** y = Σ over the letters that the result lacks of the product of the operands. */
export const einsumRule: OperatorRule = {
  infer,
  gradient: (call) =>
    call.inputs.map((_, i) => (call.wanted[i] === true ? gradient(call, i) : null)),
  note: "no ellipsis, no letter twice in one operand",
};

/** ∂operand = Σ ∂y · the other operands; a letter that neither of them has was summed: repeated. */
function gradient({ builder, node, inputs, outputGradient }: GradientCall, index: number): Value {
  const { operands, result } = equationOf(node);
  const own = operands[index];
  const x = inputs[index];
  assert(own !== undefined && !!x, "the equation has a term for every operand");
  const others = inputs.filter((_, i) => i !== index);
  const terms = [result, ...operands.filter((_, i) => i !== index)];
  const has = Array.from(own, (letter) => terms.some((term) => term.includes(letter)));
  const kept = Array.from(own).filter((_, i) => has[i]);
  const value = builder.emit(
    "Einsum",
    [outputGradient, ...others],
    { dtype: x.dtype, shape: x.shape.filter((_, i) => has[i]) },
    { equation: { kind: "string", value: `${terms.join(",")}->${kept.join("")}` } },
  );
  if (kept.length === own.length) return value;
  const single = x.shape.map((_, i) => (has[i] === true ? sizeAt(x.shape, i) : 1));
  return expand(builder, reshape(builder, value, single), x.shape);
}

function infer(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const { operands, result } = equationOf(node);
  const sizes = new Map<string, Dimension>();
  operands.forEach((letters, i) => {
    const { shape } = inputType(call, i);
    if (shape.length !== letters.length) {
      fail(node, `operand ${i} of shape ${formatShape(shape)} is called "${letters}"`);
    }
    shape.forEach((size, k) => {
      const letter = letters[k] ?? "";
      const known = sizes.get(letter) ?? size;
      if (!sameDimension(known, size)) fail(node, `"${letter}" has two sizes`);
      sizes.set(letter, size);
    });
  });
  const shape = Array.from(
    result,
    (letter) => sizes.get(letter) ?? fail(node, `no operand has "${letter}"`),
  );
  return [{ dtype: inputType(call, 0).dtype, shape }];
}

function equationOf(node: GraphNode): Equation {
  const equation = stringAttribute(node, "equation", "").replaceAll(" ", "");
  const [left = "", right] = equation.split("->");
  const operands = left.split(",");
  if (!/^[A-Za-z,]*(->[A-Za-z]*)?$/.test(equation)) unsupported(node, `computes "${equation}"`);
  if (operands.some((letters) => new Set(letters).size !== letters.length)) {
    unsupported(node, `takes a diagonal in "${equation}"`);
  }
  if (operands.length !== node.inputs.length) fail(node, `"${equation}" has other operands`);
  // Without an arrow, the result has the letters that appear once, in order.
  const once = Array.from(left)
    .filter((letter) => letter !== "," && left.split(letter).length === 2)
    .sort();
  return { operands, result: right ?? once.join("") };
}
