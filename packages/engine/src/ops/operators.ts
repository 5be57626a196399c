import type { OperatorKind } from "../graph/operator-kind.ts";
import { convRule } from "./convolution.ts";
import {
  addRule,
  divRule,
  expRule,
  mulRule,
  negRule,
  reluRule,
  sigmoidRule,
  sqrtRule,
  subRule,
  tanhRule,
} from "./elementwise.ts";
import { gemmRule, matMulRule } from "./linear-algebra.ts";
import {
  concatRule,
  flattenRule,
  identityRule,
  reshapeRule,
  sliceRule,
  squeezeRule,
  transposeRule,
  unsqueezeRule,
} from "./movement.ts";
import type { OperatorRule } from "./operator.ts";
import { averagePoolRule, globalAveragePoolRule, maxPoolRule } from "./pooling.ts";
import { reduceMeanRule, reduceSumRule } from "./reduction.ts";
import { castRule, gatherRule, shapeRule } from "./shape-arithmetic.ts";
import { logSoftmaxRule, softmaxRule } from "./softmax.ts";

/** Every operator that a model may use, with its rule. */
export const OPERATORS: { readonly [K in OperatorKind]: OperatorRule } = {
  Add: addRule,
  AveragePool: averagePoolRule,
  Cast: castRule,
  Concat: concatRule,
  Conv: convRule,
  Div: divRule,
  Exp: expRule,
  Flatten: flattenRule,
  Gather: gatherRule,
  Gemm: gemmRule,
  GlobalAveragePool: globalAveragePoolRule,
  Identity: identityRule,
  LogSoftmax: logSoftmaxRule,
  MatMul: matMulRule,
  MaxPool: maxPoolRule,
  Mul: mulRule,
  Neg: negRule,
  ReduceMean: reduceMeanRule,
  ReduceSum: reduceSumRule,
  Relu: reluRule,
  Reshape: reshapeRule,
  Shape: shapeRule,
  Sigmoid: sigmoidRule,
  Slice: sliceRule,
  Softmax: softmaxRule,
  Sqrt: sqrtRule,
  Squeeze: squeezeRule,
  Sub: subRule,
  Tanh: tanhRule,
  Transpose: transposeRule,
  Unsqueeze: unsqueezeRule,
};

/** Whether `name` is an operator that a model may use. */
export function isOperatorKind(name: string): name is OperatorKind {
  return Object.hasOwn(OPERATORS, name);
}
