/** Matrix products. */
import { assert } from "@everfresh/core";
import { floatAttribute, intAttribute } from "../graph/attributes.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { formatShape, sameDimension } from "../graph/dimension.ts";
import type { Dimension, GraphShape } from "../graph/graph.ts";
import {
  matMul,
  product,
  reshape,
  scale,
  sizeAt,
  sumTo,
  transposeMatrix,
} from "../graph/expressions.ts";
import { broadcastOrFail, fail, inputType, optionalInput } from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType, OperatorRule } from "./operator.ts";

// Below this the extra transposition costs what it saves.
const TALL_ROWS_MIN = 64;

/** Y = alpha · op(A) · op(B) + beta · C, with op transposing as asked and C broadcast. */
export const gemmRule: OperatorRule = { infer: inferGemm, gradient: gemmGradient };

/** Y = A · B over the last two dimensions, by NumPy's rules for batches and vectors. */
export const matMulRule: OperatorRule = { infer: inferMatMul, gradient: matMulGradient };

function inferGemm(call: InferenceCall): readonly KnownType[] {
  const { node } = call;
  const a = inputType(call, 0);
  const b = inputType(call, 1);
  const transA = intAttribute(node, "transA", 0) !== 0;
  const transB = intAttribute(node, "transB", 0) !== 0;
  const [rows, inner] = matrixOf(call, a.shape, transA);
  const [innerB, columns] = matrixOf(call, b.shape, transB);
  if (!sameDimension(inner, innerB)) misfit(call, a.shape, b.shape);
  const shape = [rows, columns];
  const c = optionalInput(call, 2);
  if (c !== null) {
    const broadcast = broadcastOrFail(node, shape, c.shape);
    if (broadcast.length !== 2 || !broadcast.every((d, i) => sameDimension(d, shape[i] ?? -1))) {
      fail(node, `C of shape ${formatShape(c.shape)} does not broadcast to ${formatShape(shape)}`);
    }
  }
  return [{ dtype: a.dtype, shape }];
}

/**
 *   op(A):  ∂ = alpha · ∂Y · op(B)ᵀ      op(B):  ∂ = alpha · op(A)ᵀ · ∂Y      C:  ∂ = beta · Σ ∂Y
 *
 * each transposed again where op transposed.
 */
function gemmGradient(call: GradientCall): readonly (Value | null)[] {
  const { builder, node, inputs, outputGradient: dy, wanted } = call;
  const [a, b, c] = inputs;
  assert(!!a && !!b, "Gemm has two inputs");
  const transA = intAttribute(node, "transA", 0) !== 0;
  const transB = intAttribute(node, "transB", 0) !== 0;
  const factor = floatAttribute(node, "alpha", 1);
  const da = (): Value =>
    transA
      ? product(builder, b, dy, { transposeX: transB, transposeY: true, factor })
      : product(builder, dy, b, { transposeY: !transB, factor });
  const db = (): Value =>
    transB
      ? tallProduct(builder, dy, a, { transposeX: true, transposeY: transA, factor })
      : product(builder, a, dy, { transposeX: !transA, factor });
  return [
    wanted[0] === true ? da() : null,
    wanted[1] === true ? db() : null,
    wanted[2] === true && c
      ? scale(builder, sumTo(builder, dy, c.shape), floatAttribute(node, "beta", 1))
      : null,
  ];
}

function inferMatMul(call: InferenceCall): readonly KnownType[] {
  const a = inputType(call, 0);
  const b = inputType(call, 1);
  if (a.shape.length === 0 || b.shape.length === 0) misfit(call, a.shape, b.shape);
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  const [rows = 1, inner = 1] = left.slice(-2);
  const [innerB = 1, columns = 1] = right.slice(-2);
  if (!sameDimension(inner, innerB)) misfit(call, a.shape, b.shape);
  const batch = broadcastOrFail(call.node, left.slice(0, -2), right.slice(0, -2));
  const shape = [
    ...batch,
    ...(a.shape.length === 1 ? [] : [rows]),
    ...(b.shape.length === 1 ? [] : [columns]),
  ];
  return [{ dtype: a.dtype, shape }];
}

/** ∂A = ∂Y · Bᵀ and ∂B = Aᵀ · ∂Y, summed over what broadcasting repeated. */
function matMulGradient(call: GradientCall): readonly (Value | null)[] {
  const { builder, inputs, outputGradient, wanted } = call;
  const [a, b] = inputs;
  assert(!!a && !!b, "MatMul has two inputs");
  const left = a.shape.length === 1 ? reshape(builder, a, [1, ...a.shape]) : a;
  const right = b.shape.length === 1 ? reshape(builder, b, [...b.shape, 1]) : b;
  const rows = sizeAt(left.shape, -2);
  const columns = sizeAt(right.shape, -1);
  const vectors = (a.shape.length === 1 ? 1 : 0) + (b.shape.length === 1 ? 1 : 0);
  const batch = outputGradient.shape.slice(0, outputGradient.shape.length - 2 + vectors);
  const dy = reshape(builder, outputGradient, [...batch, rows, columns]);
  const da = (): Value => sumTo(builder, timesTransposed(builder, dy, right), left.shape);
  const db = (): Value =>
    right.shape.length === 2
      ? gradientOfSharedMatrix(builder, left, dy)
      : sumTo(builder, matMul(builder, transposeMatrix(builder, left), dy), right.shape);
  return [
    wanted[0] === true ? reshape(builder, da(), a.shape) : null,
    wanted[1] === true ? reshape(builder, db(), b.shape) : null,
  ];
}

/**
 * op(x) · op(y), computed as the transpose of op(y)ᵀ · op(x)ᵀ where that has twice the rows or more:
 * ONNX Runtime is a quarter faster with tall results than with wide ones. The dimension of size 1 is
 * there because it would make the wide product of a tall one and its transposition again.
 */
function tallProduct(
  builder: GraphBuilder,
  x: Value,
  y: Value,
  options: { readonly transposeX: boolean; readonly transposeY: boolean; readonly factor: number },
): Value {
  const { transposeX, transposeY, factor } = options;
  const rows = sizeAt(x.shape, transposeX ? 1 : 0);
  const columns = sizeAt(y.shape, transposeY ? 0 : 1);
  if (columns < 2 * rows || rows < TALL_ROWS_MIN) return product(builder, x, y, options);
  const transposed = { transposeX: !transposeY, transposeY: !transposeX, factor };
  const tall = reshape(builder, product(builder, y, x, transposed), [1, columns, rows]);
  return reshape(builder, transposeMatrix(builder, tall), [rows, columns]);
}

/** x · yᵀ. */
function timesTransposed(builder: GraphBuilder, x: Value, y: Value): Value {
  return x.shape.length === 2 && y.shape.length === 2
    ? product(builder, x, y, { transposeY: true })
    : matMul(builder, x, transposeMatrix(builder, y));
}

/** Aᵀ · ∂Y where all of the batch shares B: one large product instead of a sum of many. */
function gradientOfSharedMatrix(builder: GraphBuilder, a: Value, dy: Value): Value {
  const inner = sizeAt(a.shape, -1);
  const columns = sizeAt(dy.shape, -1);
  const rows = a.shape.slice(0, -1).reduce((total, size) => total * size, 1);
  return product(
    builder,
    reshape(builder, a, [rows, inner]),
    reshape(builder, dy, [rows, columns]),
    {
      transposeX: true,
    },
  );
}

function matrixOf(
  call: InferenceCall,
  shape: GraphShape,
  transposed: boolean,
): readonly [Dimension, Dimension] {
  const [rows, columns] = shape;
  if (rows === undefined || columns === undefined || shape.length !== 2) {
    fail(call.node, `${formatShape(shape)} is not a matrix`);
  }
  return transposed ? [columns, rows] : [rows, columns];
}

function misfit(call: InferenceCall, a: GraphShape, b: GraphShape): never {
  fail(call.node, `${formatShape(a)} and ${formatShape(b)} do not multiply`);
}
