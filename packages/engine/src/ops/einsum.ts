/** Sums of products, written as an equation of dimension letters. */
import { assert } from "@everfresh/core";
import { stringAttribute } from "../graph/attributes.ts";
import type { Value } from "../graph/builder.ts";
import { formatShape, sameDimension } from "../graph/dimension.ts";
import { expand, reshape, sizeAt } from "../graph/expressions.ts";
import type { Dimension, GraphNode } from "../graph/graph.ts";
import { fail, inputType, unsupported } from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

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
  note: "no letter twice in one operand, no broadcasting under an ellipsis",
};

/** ∂operand = Σ ∂y · the other operands; a letter that neither of them has was summed: repeated. */
function gradient({ builder, node, inputs, outputGradient }: GradientCall, index: number): Value {
  const ranks = inputs.map((input) => input?.shape.length ?? 0);
  const { operands, result } = equationOf(node, ranks);
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
  const ranks = node.inputs.map((_, i) => inputType(call, i).shape.length);
  const { operands, result } = equationOf(node, ranks);
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

function equationOf(node: GraphNode, ranks: readonly number[]): Equation {
  const stated = stringAttribute(node, "equation", "").replaceAll(" ", "");
  if (!/^[A-Za-z,.]*(->[A-Za-z.]*)?$/.test(stated)) unsupported(node, `computes "${stated}"`);
  const equation = withoutEllipsis(node, stated, ranks);
  const [left = "", right] = equation.split("->");
  const operands = left.split(",");
  if (operands.some((letters) => new Set(letters).size !== letters.length)) {
    unsupported(node, `takes a diagonal in "${stated}"`);
  }
  if (operands.length !== node.inputs.length) fail(node, `"${stated}" has other operands`);
  // Without an arrow, the result has the letters that appear once, in order.
  const once = Array.from(left)
    .filter((letter) => letter !== "," && left.split(letter).length === 2)
    .sort();
  return { operands, result: right ?? once.join("") };
}

/** Letters for the dimensions that "..." stands for: the same ones, counted from the last. */
function withoutEllipsis(node: GraphNode, equation: string, ranks: readonly number[]): string {
  if (!equation.includes(".")) return equation;
  const [left = "", right] = equation.split("->");
  if (right === undefined) unsupported(node, `has no arrow in "${equation}"`);
  const free = Array.from(LETTERS).filter((letter) => !equation.includes(letter));
  const counts = left.split(",").map((term, i) => {
    return term.includes("...") ? (ranks[i] ?? 0) - (term.length - "...".length) : 0;
  });
  const all = free.slice(0, Math.max(0, ...counts)).join("");
  const lettersOf = (count: number): string => all.slice(all.length - count);
  if (counts.some((count) => count < 0) || all.length < Math.max(...counts)) {
    fail(node, `"${equation}" does not fit its operands`);
  }
  const terms = left.split(",").map((term, i) => term.replace("...", lettersOf(counts[i] ?? 0)));
  return `${terms.join(",")}->${right.replace("...", all)}`;
}
