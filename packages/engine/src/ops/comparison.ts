/** Comparisons and logic: nothing flows back through a bool. */
import type { Dimension } from "../graph/graph.ts";
import type { ComparisonKind } from "../graph/operator-kind.ts";
import { type Fold, folded } from "./elementwise-rule.ts";
import { broadcastInputs, inputType, sameAsInput } from "./inference.ts";
import { nonDifferentiable, type OperatorRule } from "./operator.ts";

/** The rules of comparisons and logic. */
export const COMPARISONS: { readonly [K in ComparisonKind]: OperatorRule } = {
  And: comparison(),
  Equal: comparison(equality),
  Greater: comparison(),
  GreaterOrEqual: comparison(),
  Less: comparison(),
  LessOrEqual: comparison(),
  Not: { infer: sameAsInput, gradient: nonDifferentiable },
  Or: comparison(),
};

function comparison(fold?: Fold): OperatorRule {
  return {
    infer: (call) =>
      broadcastInputs(call).map(({ shape }) => ({
        dtype: "bool",
        shape,
        ...folded([inputType(call, 0), inputType(call, 1)], fold),
      })),
    gradient: nonDifferentiable,
  };
}

/** Exporters ask whether a size is −1; whether a batch has a certain size cannot be told. */
function equality(a: Dimension = 0, b: Dimension = 0): number | null {
  if (typeof a === "number" && typeof b === "number") return a === b ? 1 : 0;
  const [number] = [a, b].filter((size) => typeof size === "number");
  return number !== undefined && number < 0 ? 0 : null;
}
