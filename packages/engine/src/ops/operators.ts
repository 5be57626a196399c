import type { OperatorKind } from "../graph/operator-kind.ts";
import { ACTIVATIONS } from "./activation.ts";
import { COMPARISONS } from "./comparison.ts";
import { convRule } from "./convolution.ts";
import { ARITHMETIC } from "./elementwise.ts";
import { einsumRule } from "./einsum.ts";
import { gemmRule, matMulRule } from "./linear-algebra.ts";
import { INDEXING } from "./indexing.ts";
import { MOVEMENT } from "./movement.ts";
import { NORMALISATION } from "./normalisation.ts";
import { PARTITION } from "./partition.ts";
import { RESAMPLING } from "./resampling.ts";
import type { OperatorRule } from "./operator.ts";
import { averagePoolRule, globalAveragePoolRule, maxPoolRule } from "./pooling.ts";
import { REDUCTIONS } from "./reduction.ts";
import { SELECTION } from "./selection.ts";
import { SHAPE_ARITHMETIC } from "./shape-arithmetic.ts";
import { logSoftmaxRule, softmaxRule } from "./softmax.ts";

/** Every operator that a model may use, with its rule. */
export const OPERATORS: { readonly [K in OperatorKind]: OperatorRule } = {
  ...ACTIVATIONS,
  ...ARITHMETIC,
  ...COMPARISONS,
  ...INDEXING,
  ...MOVEMENT,
  ...NORMALISATION,
  ...PARTITION,
  ...REDUCTIONS,
  ...RESAMPLING,
  ...SELECTION,
  ...SHAPE_ARITHMETIC,
  AveragePool: averagePoolRule,
  Conv: convRule,
  Einsum: einsumRule,
  Gemm: gemmRule,
  GlobalAveragePool: globalAveragePoolRule,
  LogSoftmax: logSoftmaxRule,
  MatMul: matMulRule,
  MaxPool: maxPoolRule,
  Softmax: softmaxRule,
};

/** Whether `name` is an operator that a model may use. */
export function isOperatorKind(name: string): name is OperatorKind {
  return Object.hasOwn(OPERATORS, name);
}
