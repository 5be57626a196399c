import type { FusedOperatorKind, OperatorKind } from "../graph/operator-kind.ts";
import { trainingBatchNormalizationRule } from "./batch-normalisation.ts";
import { convMaxPoolRule } from "./conv-max-pool.ts";
import type { OperatorRule } from "./operator.ts";
import { isOperatorKind, OPERATORS } from "./operators.ts";

/** What rewriting a graph for training may put in the place of several operators. */
const FUSED_OPERATORS: { readonly [K in FusedOperatorKind]: OperatorRule } = {
  ConvMaxPool: convMaxPoolRule,
  TrainingBatchNormalization: trainingBatchNormalizationRule,
};

/** The rule of any node's operator. */
export function ruleOf(operator: OperatorKind | FusedOperatorKind): OperatorRule {
  return isOperatorKind(operator) ? OPERATORS[operator] : FUSED_OPERATORS[operator];
}
