import type { OperatorKind } from "../graph/operator-kind.ts";
import { ACTIVATIONS } from "./activation.ts";
import { batchNormalizationRule } from "./batch-normalisation.ts";
import { COMPARISONS } from "./comparison.ts";
import { convRule } from "./convolution.ts";
import { cumSumRule } from "./cumulative-sum.ts";
import { ARITHMETIC } from "./elementwise.ts";
import { einsumRule } from "./einsum.ts";
import { gemmRule, matMulRule } from "./linear-algebra.ts";
import { INDEXING } from "./indexing.ts";
import { MOVEMENT } from "./movement.ts";
import { NORMALISATION } from "./normalisation.ts";
import { PARTITION } from "./partition.ts";
import { RESAMPLING } from "./resampling.ts";
import type { OperatorRule } from "./operator.ts";
import {
  averagePoolRule,
  globalAveragePoolRule,
  globalMaxPoolRule,
  maxPoolRule,
} from "./pooling.ts";
import { gruRule } from "./recurrent-gru.ts";
import { lstmRule } from "./recurrent-lstm.ts";
import { rnnRule } from "./recurrent-rnn.ts";
import { REDUCTIONS } from "./reduction.ts";
import { SELECTION } from "./selection.ts";
import { SHAPE_ARITHMETIC } from "./shape-arithmetic.ts";
import { logSoftmaxRule, softmaxRule } from "./softmax.ts";
import { convTransposeRule } from "./transposed-convolution.ts";

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
  BatchNormalization: batchNormalizationRule,
  Conv: convRule,
  ConvTranspose: convTransposeRule,
  CumSum: cumSumRule,
  Einsum: einsumRule,
  GRU: gruRule,
  Gemm: gemmRule,
  GlobalAveragePool: globalAveragePoolRule,
  GlobalMaxPool: globalMaxPoolRule,
  LSTM: lstmRule,
  LogSoftmax: logSoftmaxRule,
  MatMul: matMulRule,
  MaxPool: maxPoolRule,
  RNN: rnnRule,
  Softmax: softmaxRule,
};

/** Whether `name` is an operator that a model may use. */
export function isOperatorKind(name: string): name is OperatorKind {
  return Object.hasOwn(OPERATORS, name);
}
